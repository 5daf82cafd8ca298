"""Speech by VITS models (MMS among them) as a transformers folder with safetensors weights."""

from __future__ import annotations

from studio.domain.family import FamilySpec, Layout, Memory
from studio.domain.parameter import Integer
from studio.domain.speech import parameters

SPEC = FamilySpec(
    name="vits",
    tasks=("speech",),
    parameters=parameters(Integer(name="voice", label="family.vits.voice", minimum=0, maximum=9999)),
    memory=Memory(base=900 * 2**20, per_weight_byte=3.0),
    phases={"load": 0.3, "speak": 0.69, "save": 0.01},
    layouts=(Layout(kind="transformers", classes=("VitsModel",)),),
    libraries=("torch", "transformers"),
    precisions={
        "cpu": ({"*": "float32"},),
        "gpu": ({"*": "float32"}, {"*": "float16"}, {"*": "bfloat16"}),
    },
    attention=("eager",),
)
