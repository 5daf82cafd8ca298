"""What a plan is made from."""

from __future__ import annotations

from msgspec import Struct

from studio.domain.cost.cost import Cost
from studio.domain.family import FamilySpec
from studio.domain.measurement import Measurements


class Place(Struct, frozen=True, kw_only=True):
    """A device to compute on. `device` as requests name it.

    `memory_bytes` is what it has of its own and free, None where it computes in the computer's RAM.
    `measured` by the micro-benchmark, None if that never ran on it. `arch`: "sm_89", where that is known.
    """

    device: str
    memory_bytes: int | None = None
    measured: Measurements | None = None
    arch: str | None = None

    @property
    def kind(self) -> str:
        """As in `FamilySpec.precisions`."""
        return "cpu" if self.device == "cpu" else "gpu"


class Correction(Struct, frozen=True, kw_only=True):
    """What runs of this model on this device taught: measured over predicted. `runs`: how many.

    `exact`: this very work was among them.
    """

    phases: dict[str, float] = {}
    ram: float = 1.0
    vram: float = 1.0
    runs: int = 0
    exact: bool = False


class Question(Struct, frozen=True, kw_only=True):
    """What is to be planned. `ram_bytes`: what the engine may use of the computer's memory.

    `threads`: CPU threads asked for, 0 for the measured best. `loaded`: the model is in memory already.
    `started`: the engine has its imports. `corrections` by device,
    then by `Plan.built`; "" is for what was never built so. `choices`: see `Request`.
    """

    spec: FamilySpec
    cost: Cost
    places: tuple[Place, ...]
    ram_bytes: int
    threads: int = 0
    corrections: dict[str, dict[str, Correction]] = {}
    loaded: bool = False
    started: bool = False
    choices: dict[str, str] = {}
