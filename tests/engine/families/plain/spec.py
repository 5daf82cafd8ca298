"""A family that needs no torch and no device: its jobs sleep, meet each other, and fail when told."""

from studio.domain.family import FamilySpec, Memory
from studio.domain.parameter import Choice, Integer, Number, Seed

SPEC = FamilySpec(
    name="plain",
    tasks=("image",),
    parameters=(
        Choice(name="act", default="rest", choices=("rest", "meet", "fail")),
        Integer(name="steps", default=1, minimum=1, maximum=10_000),
        Number(name="seconds", default=0.01, minimum=0, maximum=60),
        Seed(),
    ),
    memory=Memory(base=1_000_000),
    phases={"load": 0.5, "denoise": 0.5},
)
