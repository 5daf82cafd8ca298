"""Plans for the models of this library on this computer: facts, measurements and past runs put together."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from studio.domain.cost.cost import Cost, ModelFacts
from studio.domain.family import FamilySpec
from studio.domain.machine import Accelerator
from studio.domain.measurement import Measurements
from studio.domain.parameter import Integer, ParameterError, Size
from studio.domain.plan import Plan, Planned, Plans
from studio.domain.planning import Place, Question, plans
from studio.domain.planning.clock import Clock
from studio.domain.request import Request
from studio.families import registry
from studio.services.event import Event
from studio.services.history import History, work_of
from studio.services.library.facts import read_facts

log = logging.getLogger(__name__)

SMALLER = (0.75, 0.5, 0.25)  # of a size or a number that makes a request large
LARGE = ("count", "steps", "max_tokens", "context_length", "frames", "seconds")


class Planner:
    """`changed`: more can be planned now, or better.

    *ram*: bytes that the engine may use in all. *accelerators*: those known. *measured*: by device.
    *resident*: is the model loaded? *started*: has the engine its imports?
    """

    def __init__(
        self,
        history: History,
        *,
        ram: Callable[[], int],
        accelerators: Callable[[], tuple[Accelerator, ...]],
        measured: Callable[[str], Measurements | None],
        resident: Callable[[str], bool],
        started: Callable[[], bool],
    ) -> None:
        self._history = history
        self._ram = ram
        self._accelerators = accelerators
        self._measured = measured
        self._resident = resident
        self._started = started
        self.changed: Event[None] = Event()
        self._facts: dict[str, ModelFacts] = {}
        self._read: set[str] = set()
        self._clocks: dict[tuple[str, float], Clock] = {}

    def learn(self, model: str, path: Path) -> None:
        """Read the facts of *model* at *path* and keep them. Takes some milliseconds: call it in a thread.

        Raises HeaderError, OSError.
        """
        self._facts[model] = read_facts(path)
        self._read.add(model)

    def put(self, model: str, facts: ModelFacts) -> None:
        """Keep *facts* that were read elsewhere, of a model that is not here."""
        self._facts[model] = facts

    def knows(self, model: str) -> bool:
        return model in self._facts

    def read(self, model: str) -> bool:
        """Whether its facts were read from its files here."""
        return model in self._read

    def plans(self, request: Request, spec: FamilySpec) -> Plans | None:
        """The ways to do *request*, the best first; None for what cannot be counted.

        Its values may be incomplete: what is missing or illegal counts as usual.
        """
        cost = self._cost(request, spec)
        if cost is None:
            return None
        places = self._places(request)
        work = work_of(spec, request.values)
        corrections = {
            place.device: self._history.corrections(
                request.model, spec.name, place.device, work, basis=_basis(place)
            )
            for place in places
        }
        question = Question(
            spec=spec,
            cost=cost,
            places=places,
            ram_bytes=self._ram(),
            threads=request.threads,
            corrections=corrections,
            loaded=self._resident(request.model),
            started=self._started(),
        )
        return plans(question, {place.device: self._clock(place) for place in places if place.measured})

    def suppose(self, request: Request, spec: FamilySpec, place: Place, *, ram: int) -> Plans | None:
        """As `plans`, if this computer had *place* and *ram* free bytes, and had never run anything."""
        cost = self._cost(request, spec)
        if cost is None:
            return None
        return plans(Question(spec=spec, cost=cost, places=(place,), ram_bytes=ram))

    def best(self, request: Request, spec: FamilySpec) -> tuple[Plan, Planned | None]:
        """What the engine is told, and what that will take. Without measured times the family chooses."""
        found = self.plans(request, spec)
        if found is None or not found.plans:
            return Plan(device=request.device, threads=request.threads), None
        first = found.plans[0]
        if first.prediction.seconds is None:
            return Plan(device=request.device, threads=request.threads), first
        return first.plan, first

    def nearest(self, request: Request, spec: FamilySpec) -> list[tuple[dict[str, Any], Planned]]:
        """Changes of *request*'s values that would make it fit, the smallest of each kind."""
        found: list[tuple[dict[str, Any], Planned]] = []
        for name, values in _smaller(request, spec):
            for value in values:
                changed = {**request.values, name: value}
                planned = self.plans(msgspec.structs.replace(request, values=changed), spec)
                if planned is not None and planned.fits:
                    found.append(({name: value}, planned.plans[0]))
                    break
        return found

    def _cost(self, request: Request, spec: FamilySpec) -> Cost | None:
        facts = self._facts.get(request.model)
        counted = facts is not None and spec.name in registry.families()  # the workshop's methods are none
        module = registry.cost(spec.name) if counted else None
        if facts is None or module is None:
            return None
        try:
            return module.cost(facts, _legal(spec, request.values))
        except (ArithmeticError, AttributeError, LookupError, StopIteration, TypeError, ValueError) as error:
            # The files describe something that this family's code does not foresee: nothing is claimed.
            log.debug("%s cannot be counted: %s: %s", request.model, type(error).__name__, error)
            return None

    def _places(self, request: Request) -> tuple[Place, ...]:
        cards = [
            Place(
                device=card.device,
                memory_bytes=card.memory_free_bytes,
                measured=self._measured(card.device),
            )
            for card in self._accelerators()
            if card.device and card.usable is not False
        ]
        everywhere = [*cards, Place(device="cpu", measured=self._measured("cpu"))]
        if request.device == "auto":
            return tuple(cards or everywhere)
        return tuple(place for place in everywhere if place.device == request.device)

    def _clock(self, place: Place) -> Clock:
        assert place.measured is not None
        key = (place.device, place.measured.taken)
        if key not in self._clocks:
            self._clocks[key] = Clock(place.measured)
        return self._clocks[key]


def _basis(place: Place) -> float:
    return place.measured.taken if place.measured is not None else 0.0


def _legal(spec: FamilySpec, values: dict[str, Any]) -> dict[str, Any]:
    """Complete values: the usual one where a field holds something that cannot be. A text may be empty."""
    complete: dict[str, Any] = {}
    for parameter in spec.parameters:
        try:
            complete[parameter.name] = parameter.check(values.get(parameter.name, parameter.default))
        except ParameterError:
            complete[parameter.name] = parameter.default
    return complete


def _smaller(request: Request, spec: FamilySpec) -> list[tuple[str, list[Any]]]:
    """(parameter, its smaller values, the largest first)."""
    found: list[tuple[str, list[Any]]] = []
    for parameter in spec.parameters:
        value = request.values.get(parameter.name, parameter.default)
        if isinstance(parameter, Size):
            step = parameter.multiple
            sizes = [tuple(int(side * part // step * step) for side in value) for part in SMALLER]
            found.append((parameter.name, [size for size in sizes if min(size) >= parameter.minimum]))
        elif isinstance(parameter, Integer) and parameter.name in LARGE:
            numbers = [int(value * part) for part in SMALLER]
            found.append((parameter.name, [n for n in numbers if n >= (parameter.minimum or 1)]))
    return found
