"""Thousands of spoilt model files in one process: `python -m tests.services.mutations FORMAT COUNT`.

Prints as JSON how many were taken and refused, the longest that one took, and the most memory. An error that
is no refusal ends it, as does a file that takes longer than a minute.
"""

from __future__ import annotations

import contextlib
import json
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from studio.domain.failure import StudioError
from studio.services.library.facts import read_facts
from studio.services.library.headers import HeaderError
from studio.services.library.identify import identify
from studio.services.library.recognize import recognize
from studio.services.library.traits import read_traits
from tests.fakes.model_files import TINY, gguf, gguf_array, gguf_number, gguf_text, safetensors, text, write

LONGEST = 60
LLAMA = b'{"architectures": ["LlamaForCausalLM"], "text_config": {"x": [1, {"y": null}]}, "n_positions": 64}'
INDEX = (
    b'{"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"],'
    b' "vae": [null, null]}'
)
SHARDS = b'{"metadata": {}, "weight_map": {"a": "model.safetensors", "b": "model.safetensors"}}'
GGUF = gguf(
    gguf_number("n", 3),
    gguf_array("t", 8, 2, text("a") + text("b")),
    gguf_array("f", 6, 3, b"\0" * 12),
    gguf_text("general.architecture", "llama"),
    gguf_text("tokenizer.chat_template", "{{ messages }}"),
)
TENSORS = safetensors(
    {
        "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight": (
            "F16",
            [4, 768],
            b"\0" * 6144,
        ),
        "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.lora_up.weight": (
            "F16",
            [320, 4],
            b"\0" * 2560,
        ),
    },
    format="pt",
)


def spoilt(rng: random.Random, good: bytes) -> bytes:
    """Bits turned, pieces cut, doubled and put in, numbers made large."""
    broken = bytearray(good)
    reach = min(len(good), 700)  # where headers are
    for _ in range(rng.randint(1, 5)):
        at = rng.randrange(max(1, min(len(broken), reach)))
        how = rng.randrange(6)
        if how == 0 and broken:
            broken[at % len(broken)] ^= 1 << rng.randrange(8)
        elif how == 1:
            del broken[at : at + rng.randint(1, 24)]
        elif how == 2:
            broken[at:at] = rng.randbytes(rng.randint(1, 9))
        elif how == 3:
            broken[at:at] = broken[at : at + rng.randint(1, 64)] * rng.randint(1, 40)
        elif how == 4:
            broken[at : at + 8] = rng.choice((b"\xff" * 8, b"\0" * 8, b"\0" * 7 + b"\x7f", b"99999999"))
        else:
            del broken[rng.randrange(len(broken) + 1) :]
    return bytes(broken)


def files(folder: Path, kind: str) -> tuple[dict[str, bytes], Path]:
    """What is spoilt, by where it lies, and what is looked at."""
    if kind == "gguf":
        return {"m.gguf": GGUF}, folder / "m.gguf"
    if kind == "safetensors":
        return {"m.safetensors": TENSORS}, folder / "m.safetensors"
    write(folder, {"model.safetensors": TINY, "unet/config.json": {}, "unet/model.safetensors": TINY})
    return {"config.json": LLAMA, "model_index.json": INDEX, "model.safetensors.index.json": SHARDS}, folder


def look(path: Path) -> str:
    """All that is ever asked of a file."""
    finding = identify(path)
    read_traits(path)
    with contextlib.suppress(HeaderError, OSError):
        read_facts(path)
    try:
        recognize(path)
    except StudioError as error:
        if not error.failure.code.startswith("model."):
            raise
        return "known" if finding.kind not in ("unknown", "model") else "refused"
    return "taken"


def main() -> None:
    kind, count = sys.argv[1], int(sys.argv[2])
    rng = random.Random(kind)
    said: Counter[str] = Counter()
    longest = 0.0
    with tempfile.TemporaryDirectory() as home:
        folder = Path(home)
        good, path = files(folder, kind)
        for number in range(count):
            for name in ("config.json", "model_index.json", "model.safetensors.index.json"):
                (folder / name).unlink(missing_ok=True)
            name = list(good)[number % len(good)]
            (folder / name).write_bytes(spoilt(rng, good[name]))
            if name.endswith("index.json") and name != "model_index.json":
                (folder / "config.json").write_bytes(LLAMA)
            if hasattr(signal, "alarm"):
                signal.alarm(LONGEST)
            began = time.monotonic()
            said[look(path)] += 1
            longest = max(longest, time.monotonic() - began)
    print(json.dumps({"said": said, "longest": longest, "memory": _peak()}))


def _peak() -> int:
    """The most memory that this process had, in bytes."""
    status = Path("/proc/self/status")
    if status.exists():  # the other figure counts what the process was started from
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    import psutil

    about = psutil.Process().memory_info()
    if hasattr(about, "peak_wset"):
        return int(about.peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


if __name__ == "__main__":
    main()
