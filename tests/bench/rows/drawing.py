"""Time for a picture, against calling the same diffusers pipeline directly; the model is loaded in both."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.bench import direct, engine, models, pairs
from tests.bench.table import Row, judge

BAR = 1.03
PROMPT = "a red apple"

_DIRECT = """
from pathlib import Path
import torch
torch.set_num_threads(options["threads"])
from studio.domain.model import ModelSource
from studio.domain.plan import Plan
from studio.families.registry import family, pipeline
class Context:
    device, plan, spec = "cpu", Plan(device="cpu", precision={"*": "float32"}), family("stable_diffusion")
    def progress(self, fraction): pass
model = ModelSource(id="m", family="stable_diffusion", path=options["folder"], title="model")
drawing = pipeline("stable_diffusion").Pipeline(Context(), model)
pipe = drawing._diffusers
del pipe.encode_prompt  # which the studio replaces: here the library reads the prompt itself
def once(values):
    began = time.perf_counter()
    pipe.scheduler = drawing.scheduler({"scheduler": "dpmpp_2m_karras", "steps": values["steps"]})
    image = pipe(
        values["prompt"], negative_prompt="", width=values["side"], height=values["side"],
        num_inference_steps=values["steps"], guidance_scale=7.0,
        generator=torch.Generator("cpu").manual_seed(1),
    ).images[0]
    image.save(options["file"])
    return time.perf_counter() - began
"""


def measure(short: bool) -> list[Row]:
    folder = models.ICONS if short else models.stable_diffusion()
    side, steps = (64, 60) if short else (256, 4)
    with tempfile.TemporaryDirectory(prefix="bench-") as results:
        options = {
            "folder": str(folder),
            "file": str(Path(results) / "picture.png"),
            "threads": engine.THREADS,
        }
        with engine.running() as ours, direct.running(_DIRECT, **options) as bare:

            def draw() -> float:
                return engine.run(ours, folder, prompt=PROMPT, size=(side, side), steps=steps)[0]

            def draw_directly() -> float:
                return bare.once(prompt=PROMPT, side=side, steps=steps)

            draw(), draw_directly()
            took = pairs.measure(draw_directly, draw, pairs=3 if short else pairs.PAIRS)
    seconds = sorted(took.ours)[len(took.ours) // 2]
    return [
        Row(
            "time for a picture : the same pipeline called directly",
            f"≤ {BAR}",
            f"{took.ratio:.3f} ({seconds:.1f} s)",
            took.spread,
            judge(took.ratio, BAR, short=short, noisy=took.noisy),
        )
    ]
