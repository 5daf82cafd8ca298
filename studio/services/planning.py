"""Plans for the models of this library on this computer: facts, measurements and past runs put together."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from studio.domain.cost.cost import Cost, ModelFacts
from studio.domain.cost.kept import restore
from studio.domain.failure import StudioError
from studio.domain.family import FamilySpec
from studio.domain.machine import Accelerator
from studio.domain.measurement import Measurements
from studio.domain.parameter import Integer, ParameterError, Size
from studio.domain.plan import Counted, Plan, Planned, Plans
from studio.domain.planning import Place, Question, absent, applied, plans
from studio.domain.planning.clock import Clock
from studio.domain.request import Request
from studio.domain.text import t
from studio.families import registry
from studio.services.event import Event
from studio.services.history import History, PastRun, work_of
from studio.services.library.facts import read_facts

log = logging.getLogger(__name__)

SMALLER = (0.75, 0.5, 0.25)  # of a size or a number that makes a request large
COSTS = 400  # that are kept: the same request is asked about many times
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
        self._costs: dict[tuple[str, str, str], tuple[ModelFacts, Cost | None]] = {}
        self._counted_again: dict[tuple[str, float, int], tuple[PastRun, Counted]] = {}

    def learn(self, model: str, path: Path, rest: Path | None = None) -> None:
        """Read the facts of *model* at *path* and keep them. Takes some milliseconds: call it in a thread.

        *rest*: see `read_facts`.

        Raises HeaderError, OSError.
        """
        self._facts[model] = read_facts(path, rest)
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
        question = self._question(request, spec)
        if question is None:
            return None
        places = question.places
        return plans(question, {place.device: self._clock(place) for place in places if place.measured})

    def absent(self, request: Request, spec: FamilySpec) -> dict[str, str]:
        """What no plan for the first device has ("attention=flash"), and why: text keys."""
        question = self._question(request, spec)
        return absent(question, question.places[0]) if question is not None and question.places else {}

    def _question(self, request: Request, spec: FamilySpec) -> Question | None:
        cost = self._cost(request, spec)
        if cost is None:
            return None
        places = self._places(request)
        work = work_of(spec, request.values)
        corrections = {
            place.device: self._history.corrections(
                request.model, spec.name, place.device, work, partial(self._counted, place)
            )
            for place in places
        }
        return Question(
            spec=spec,
            cost=cost,
            places=places,
            ram_bytes=self._ram(),
            threads=request.threads,
            corrections=corrections,
            loaded=self._resident(request.model),
            started=self._started(),
            choices=request.choices,
        )

    def suppose(self, request: Request, spec: FamilySpec, place: Place, *, ram: int) -> Plans | None:
        """As `plans`, if this computer had *place* and *ram* free bytes, and had never run anything."""
        cost = self._cost(request, spec)
        if cost is None:
            return None
        return plans(Question(spec=spec, cost=cost, places=(place,), ram_bytes=ram))

    def best(self, request: Request, spec: FamilySpec) -> tuple[Plan, Planned | None]:
        """What the engine is told, and what that will take. Without measured times the family chooses.

        Raises StudioError `plan.refused` for a choice that cannot be.
        """
        found = self.plans(request, spec)
        if found is not None and found.refused:
            raise StudioError("plan.refused", choice=found.refused, reason=t(found.reason))
        own = applied(Plan(device=request.device, threads=request.threads), request.choices)
        if found is None or not found.plans:
            return own, None
        first = found.plans[0]
        return (own if first.prediction.seconds is None else first.plan), first

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
        module = registry.cost(spec.name) if facts is not None else None
        if facts is None or module is None:
            return None
        values = _legal(spec, request.values)
        key = (request.model, spec.name, repr(sorted(values.items())))
        known = self._costs.get(key)
        if known is not None and known[0] is facts:
            return known[1]
        try:
            found = module.cost(facts, values)
        except (ArithmeticError, AttributeError, LookupError, StopIteration, TypeError, ValueError) as error:
            # The files describe something that this family's code does not foresee: nothing is claimed.
            log.debug("%s cannot be counted: %s: %s", request.model, type(error).__name__, error)
            found = None
        if len(self._costs) >= COSTS:
            self._costs.pop(next(iter(self._costs)), None)
        self._costs[key] = facts, found
        return found

    def _places(self, request: Request) -> tuple[Place, ...]:
        cards = [
            Place(
                device=card.device,
                memory_bytes=card.memory_free_bytes,
                measured=self._measured(card.device),
                arch=card.arch,
            )
            for card in self._accelerators()
            if card.device and card.usable is not False
        ]
        everywhere = [*cards, Place(device="cpu", measured=self._measured("cpu"))]
        if request.device == "auto":
            return tuple(cards or everywhere)
        return tuple(place for place in everywhere if place.device == request.device)

    def _counted(self, place: Place, run: PastRun) -> Counted | None:
        """What *run* is compared with: what it would be predicted to take by today's figures of *place*.

        Where they are of another computer or other libraries, the old prediction stands: how far off the
        count was holds there too, the seconds do not. None where it is unknown in which way the family
        computed: before the first figures it chose for itself.
        """
        then, today = run.counted, place.measured
        basis = today.taken if today is not None else 0.0
        if (
            then is None or run.plan is None or run.cost is None
        ):  # of an older version, which counted otherwise
            return None
        if then.basis == basis:
            return then
        if today is None or not then.basis:
            return None
        if then.subject != today.subject:
            return then
        key = (place.device, basis, id(run))
        if key not in self._counted_again:
            again = _again(run, then, run.plan, run.cost, self._clock(place))
            self._counted_again[key] = run, again  # the run too: no other may come to its number
        return self._counted_again[key][1]

    def _clock(self, place: Place) -> Clock:
        assert place.measured is not None
        key = (place.device, place.measured.taken)
        if key not in self._clocks:
            self._clocks[key] = Clock(place.measured)
        return self._clocks[key]


def _again(run: PastRun, then: Counted, plan: Plan, cost: dict[str, Any], clock: Clock) -> Counted:
    """*then*, with the times that *clock* tells today, if it can tell them."""
    try:
        counted = restore(cost)
    except ValueError as error:
        log.info("a run of another version is not counted again: %s", error)
        return then
    if not clock.knows(counted, plan):
        return then
    phases = clock.phases(counted, plan, run.family, loaded=not run.cold, started=then.started)
    return msgspec.structs.replace(then, phases=phases, basis=clock.measured.taken)


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
            width, height = value
            sizes = [parameter.nearest((int(width * part), int(height * part))) for part in SMALLER]
            smaller = [size for size in dict.fromkeys(sizes) if size[0] * size[1] < width * height]
            found.append((parameter.name, smaller))
        elif isinstance(parameter, Integer) and parameter.name in LARGE:
            numbers = [int(value * part) for part in SMALLER]
            found.append((parameter.name, [n for n in numbers if n >= (parameter.minimum or 1)]))
    return found
