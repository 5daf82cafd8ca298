"""int8 by torchao against bfloat16, on the starter's denoiser: bytes and what it computes. No seconds."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.bench.table import Row, judge
from tests.fakes.workbench import Workbench

LAYERS, POINTS, COSINE = 0.52, 0.02, 0.99


def measure(short: bool) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        bench = Workbench(Path(folder))
        made = bench.work("quantize", "starter-icons", scheme="int8", part="unet")
        found = {name.rpartition(".")[2]: value for name, value in bench.report(made).figures.items()}
    layers, share, cosine = found["layers_share"], found["share"], found["cosine"]
    bar = found["expected_share"] + POINTS
    return [
        Row(
            "int8: bytes of its layers",
            f"<= {LAYERS}",
            f"{layers:.3f}",
            "-",
            judge(layers, LAYERS, short=short),
        ),
        Row("int8: the whole denoiser", f"<= {bar:.3f}", f"{share:.3f}", "-", judge(share, bar, short=short)),
        Row(
            "int8: cosine of its output",
            f">= {COSINE}",
            f"{cosine:.5f}",
            "-",
            judge(cosine, COSINE, short=short, least=True),
        ),
    ]
