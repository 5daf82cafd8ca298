"""A small real family for the engine's tests: a torch network with weights in a safetensors file.

`act` chooses what a job does, so that every way a job can go is reached by a request.
"""

from studio.domain.family import FamilySpec, Memory
from studio.domain.parameter import Choice, Integer, Number, Seed, Text

ACTS = (
    "picture",
    "print",
    "busy",
    "hook",
    "slow_load",
    "load_fails",
    "raise",
    "exit",
    "swallow",
    "ram",
    "missing",
    "nan",
    "flat",
    "poison",
    "connect",
    "sound",
    "write",
)

SPEC = FamilySpec(
    name="sample",
    tasks=("image",),
    parameters=(
        Text(name="prompt"),
        Choice(name="act", default="picture", choices=ACTS),
        Integer(name="count", default=1, minimum=1, maximum=9),
        Integer(name="steps", default=4, minimum=1, maximum=1000),
        Number(name="seconds", default=0.05, minimum=0, maximum=60),
        Choice(name="format", default="wav", choices=("wav", "flac")),
        Seed(),
    ),
    memory=Memory(base=300_000_000),
    phases={"load": 0.2, "denoise": 0.7, "save": 0.1},
    latent_rgb={4: ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), (0.1, 0.1, 0.1), (0.0, 0.0, 0.0))},
    libraries=("torch", "safetensors"),
)
