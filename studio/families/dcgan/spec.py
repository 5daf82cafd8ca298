"""DCGAN: one kind of small picture out of noise, without words."""

from __future__ import annotations

from studio.domain.family import FamilySpec, Layout, Memory
from studio.domain.parameter import Integer, Seed

SPEC = FamilySpec(
    name="dcgan",
    tasks=("image",),
    parameters=(Seed(), Integer(name="count", default=1, minimum=1, maximum=16, presets=(1, 4, 8, 16))),
    memory=Memory(base=450 * 2**20, per_weight_byte=1.2),
    phases={"load": 0.9, "draw": 0.08, "save": 0.02},
    layouts=(Layout(kind="transformers", classes=("DCGANGenerator",)),),
    libraries=("torch",),
    precisions={"cpu": ({"*": "float32"},), "gpu": ({"*": "float32"},)},
)
