"""MusicGen as a transformers folder: words to music, of one channel or two."""

from __future__ import annotations

from studio.domain.drawing import PROMPT
from studio.domain.family import FamilySpec, Layout, Memory
from studio.domain.parameter import Integer, Number, Seed
from studio.domain.speech import FORMAT

SPEC = FamilySpec(
    name="musicgen",
    tasks=("music",),
    parameters=(
        PROMPT,
        # Trained on pieces of half a minute; later ones lose the thread.
        Integer(name="seconds", default=8, minimum=1, maximum=30, presets=(5, 10, 20, 30)),
        Number(name="guidance", default=3.0, minimum=1.0, maximum=10.0, step=0.5),
        Number(
            name="temperature",
            label="family.musicgen.temperature",
            default=1.0,
            minimum=0.1,
            maximum=2.0,
            step=0.05,
            advanced=True,
        ),
        Integer(
            name="top_k",
            label="family.musicgen.top_k",
            default=250,
            minimum=0,
            maximum=2048,
            step=10,
            advanced=True,
        ),
        FORMAT,
        Seed(),
    ),
    memory=Memory(base=900 * 2**20, per_weight_byte=1.3),
    phases={"load": 0.1, "compose": 0.85, "render": 0.04, "save": 0.01},
    layouts=(Layout(kind="transformers", classes=("MusicgenForConditionalGeneration",)),),
    libraries=("torch", "transformers"),
    # What turns tokens into sound is small, and rounding there is heard.
    precisions={
        "cpu": ({"*": "float32"}, {"*": "bfloat16", "audio_encoder": "float32"}),
        "gpu": ({"*": "float32"}, {"*": "float16", "audio_encoder": "float32"}),
    },
    attention=("sdpa", "eager"),
    kv_cache=("dynamic",),
)
