"""What other hardware would change: the guide as data, and what the planner's rules say of this computer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Literal

import msgspec
from msgspec import Struct

from studio.domain.ability import Candidate, Verdict, judge
from studio.domain.planning import Place
from studio.domain.text import language
from studio.families.registry import families
from studio.services.abilities import usual_request
from studio.services.estimate import GUESS
from studio.services.paths import ASSETS
from studio.services.planning import Planner

GB = 1e9
CARDS = (4 * GB, 6 * GB, 8 * GB, 12 * GB, 16 * GB, 24 * GB, 32 * GB)  # as they are sold
MEMORY = (8 * GB, 16 * GB, 32 * GB, 64 * GB)  # more of it
FREE = 0.95  # of a card's memory: a screen and its driver take the rest


class Source(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a fact comes from; `url` is "" for arithmetic."""

    title: str
    url: str = ""


class Hardware(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A kind of hardware in words. `cost`: 1 (there already) to 5. `supported` by the studio today."""

    kind: Literal["cpu", "gpu", "tpu", "npu", "fpga"]
    title: str
    cost: int
    price: str
    supported: Literal["yes", "no"]
    good: str
    less: str
    studio: str
    sources: tuple[Source, ...]


class Upgrade(Struct, frozen=True, kw_only=True):
    """What `bytes` are enough for: of a graphics card ("gpu"), or more of the computer's memory ("ram").

    `models`: those that need no less.
    """

    kind: Literal["gpu", "ram"]
    bytes: float
    models: tuple[Candidate, ...]


def guide() -> tuple[Hardware, ...]:
    """Every kind, in the user's language."""
    file = ASSETS / "help" / f"hardware.{language()}.json"
    return msgspec.json.decode(file.read_bytes(), type=tuple[Hardware, ...])


def upgrades(
    candidates: Sequence[Candidate], fits: Callable[[Candidate, str, float], bool], *, card: float = 0.0
) -> list[Upgrade]:
    """The steps that make something comfortable, or at all possible; each model at the first that is enough.

    *fits* says whether a candidate fits with so much more of "ram", or on a "gpu" of so many bytes. *card*:
    bytes that a graphics card here has already.
    """
    steps: dict[tuple[Literal["gpu", "ram"], float], list[Candidate]] = defaultdict(list)
    for each in candidates:
        verdict = judge(each)
        if verdict in (None, Verdict.COMFORTABLE):
            continue
        larger = next((size for size in CARDS if size > card and fits(each, "gpu", size)), None)
        if larger is not None:
            steps["gpu", larger].append(each)
        more = next((size for size in MEMORY if fits(each, "ram", size)), None)
        if verdict is Verdict.NOT_POSSIBLE and more is not None:
            steps["ram", more].append(each)
    return [
        Upgrade(kind=kind, bytes=size, models=tuple(models)) for (kind, size), models in sorted(steps.items())
    ]


def would_fit(planner: Planner, candidate: Candidate, kind: str, size: float, *, ram: float) -> bool:
    """Whether *candidate* fits by the planner's rules, or by its size where its files are not known.

    *ram*: bytes that are free now.
    """
    spec = families()[candidate.model.family]
    own = kind == "gpu"
    place = Place(device="cuda:0" if own else "cpu", memory_bytes=int(FREE * size) if own else None)
    free = ram if own else ram + size
    request = usual_request(candidate.model, spec, candidate.task)
    plans = planner.suppose(request, spec, place, ram=int(free))
    if plans is not None:
        return plans.fits
    guess = spec.memory.per_weight_byte * candidate.bytes + (0 if own else spec.memory.base)
    need = GUESS[1] * max(guess, 0 if own else candidate.model.memory_bytes)
    return need > 0 and need <= (FREE * size if own else free)
