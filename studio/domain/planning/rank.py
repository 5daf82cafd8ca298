"""The ways to compute a request on this computer, predicted one by one and put in order."""

from __future__ import annotations

from studio.domain.plan import Counted, Fit, Plan, Planned, Plans, Prediction, Span, fit
from studio.domain.planning.choices import refused
from studio.domain.planning.clock import Clock
from studio.domain.planning.memory import peak
from studio.domain.planning.question import Correction, Place, Question
from studio.domain.planning.ways import coarse, ways

# Around a prediction (low, high): before this model ever ran here, and after.
TIME, TIME_ONCE, TIME_LEARNT, TIME_EXACT = (0.65, 1.5), (0.8, 1.3), (0.85, 1.2), (0.9, 1.12)
TIME_DOUBTFUL = (0.4, 2.0)  # before it ran, from figures that were taken of a busy or hot computer
SURE = 3  # runs: one or two may have met another program
MEMORY, MEMORY_LEARNT = (0.9, 1.12), (0.95, 1.06)
STREAM = "stream"  # the capability of families whose results end when they end
_ORDER = {Fit.GREEN: 0, Fit.AMBER: 1, Fit.UNKNOWN: 2, Fit.RED: 3}
NO_CORRECTION = Correction()


def plans(question: Question, clocks: dict[str, Clock] | None = None) -> Plans:
    """Every way, the best first: one that fits before one that does not, then the quickest.

    *clocks*: of measured devices by name, kept between questions; made here if missing.
    """
    clocks = {} if clocks is None else clocks
    for place in question.places:
        if place.measured is not None and place.device not in clocks:
            clocks[place.device] = Clock(place.measured)
    refusals = {place.device: refused(question, place) for place in question.places}
    found = [
        planned(question, place, plan, clocks.get(place.device))
        for place in question.places
        if refusals[place.device] is None
        for plan in ways(question, place)
    ]
    found.sort(key=lambda each: _rank(each, coarse(question.spec, each.plan)))
    if not found:
        choice, reason = next(iter(refusals.values()), None) or ("", "plan.reason.no_device")
        return Plans(fits=False, plans=(), reason=reason, refused=choice)
    best = found[0]
    return Plans(fits=best.safe, plans=tuple(found), reason=f"plan.reason.{best.fit}")


def planned(question: Question, place: Place, plan: Plan, clock: Clock | None) -> Planned:
    """*plan* with what it is predicted to take."""
    taught = question.corrections.get(place.device, {})
    correction = taught.get(plan.built) or taught.get("", NO_CORRECTION)
    memory = peak(question, place, plan)
    counted = Counted(
        ram=sum(memory.ram.values()),
        vram=None if memory.vram is None else sum(memory.vram.values()),
        phases=_phases(question, plan, clock),
        basis=place.measured.taken if place.measured is not None else 0.0,
        subject=place.measured.subject if place.measured is not None else "",
        started=question.started,
    )
    around = MEMORY_LEARNT if correction.runs else MEMORY
    ram = _span(counted.ram * correction.ram, around)
    vram = None if counted.vram is None else _span(counted.vram * correction.vram, around)
    phases = {name: took * correction.phases.get(name, 1.0) for name, took in counted.phases.items()}
    deciding = memory.vram if memory.vram is not None else memory.ram
    factor = correction.vram if memory.vram is not None else correction.ram
    doubtful = place.measured is not None and place.measured.doubtful and not correction.runs
    prediction = Prediction(
        ram=ram,
        vram=vram,
        seconds=_span(sum(phases.values()), _around_time(correction, doubtful=doubtful)) if phases else None,
        phases=phases,
        breakdown={name: size * factor for name, size in deciding.items()},
    )
    available = question.ram_bytes if place.memory_bytes is None else place.memory_bytes
    verdict = fit(vram or ram, available)
    if vram is not None and fit(ram, question.ram_bytes) is Fit.RED:
        verdict = Fit.RED
    return Planned(
        plan=plan,
        cost=question.cost,
        prediction=prediction,
        counted=counted,
        fit=verdict,
        available_bytes=available,
        ram_bytes=question.ram_bytes,
        learnt=correction.runs > 0,
        doubtful=doubtful,
        most=STREAM in question.spec.capabilities,
    )


def _phases(question: Question, plan: Plan, clock: Clock | None) -> dict[str, float]:
    if clock is None or not clock.knows(question.cost, plan):
        return {}
    return clock.phases(
        question.cost, plan, question.spec.name, loaded=question.loaded, started=question.started
    )


def _around_time(correction: Correction, *, doubtful: bool) -> tuple[float, float]:
    if doubtful:
        return TIME_DOUBTFUL
    if correction.runs < SURE:
        return TIME_ONCE if correction.runs else TIME
    return TIME_EXACT if correction.exact else TIME_LEARNT


def _span(middle: float, around: tuple[float, float]) -> Span:
    return Span(low=middle * around[0], mid=middle, high=middle * around[1])


def _rank(each: Planned, coarse: bool) -> tuple[bool, float, float, float]:
    """What is sure to fit comes first; of that what loses nothing, then the quickest as counted: what single
    runs took must not change the way from one picture to the next, for the same seed is to give the same
    picture. Without measured times the order stays: the plainest first.
    """
    fit = _ORDER[each.fit]
    first, second = (coarse, fit) if each.safe else (fit, coarse)
    return not each.safe, first, second, sum(each.counted.phases.values())
