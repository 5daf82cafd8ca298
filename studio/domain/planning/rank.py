"""The ways to compute a request on this computer, predicted one by one and put in order."""

from __future__ import annotations

from collections.abc import Iterator

from studio.domain.cost.ops import Convolution
from studio.domain.plan import Counted, Fit, Plan, Planned, Plans, Prediction, Span, fit
from studio.domain.planning.clock import Clock
from studio.domain.planning.memory import peak
from studio.domain.planning.question import Correction, Place, Question

# Around a prediction (low, high): before this model ever ran here, and after.
TIME, TIME_ONCE, TIME_LEARNT, TIME_EXACT = (0.65, 1.5), (0.8, 1.3), (0.85, 1.2), (0.9, 1.12)
SURE = 3  # runs: one or two may have met another program
MEMORY, MEMORY_LEARNT = (0.9, 1.12), (0.95, 1.06)
OFFLOAD = "offload"  # the capability of families that can move their parts
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
    found = [
        planned(question, place, plan, clocks.get(place.device))
        for place in question.places
        for plan in ways(question, place)
    ]
    found.sort(key=_rank)
    if not found:
        return Plans(fits=False, plans=(), reason="plan.reason.no_device")
    best = found[0]
    return Plans(fits=best.safe, plans=tuple(found), reason=f"plan.reason.{best.fit}")


def ways(question: Question, place: Place) -> Iterator[Plan]:
    """What the family can do on *place*, the plainest first."""
    spec, measured = question.spec, place.measured
    precisions = spec.precisions.get(place.kind) or ({},)
    if measured is None and place.kind == "gpu":  # what the families take there by themselves comes first
        precisions = (*precisions[1:], *precisions[:1])
    known = {rates.precision for rates in measured.rates} if measured is not None else set[str]()
    convolves = any(isinstance(op, Convolution) for stage in question.cost.stages for op, _ in stage.ops)
    tiles = any(stage.alive_tiled is not None for stage in question.cost.stages)
    own_memory = place.memory_bytes is not None
    threads = question.threads or (measured.best.threads if measured is not None else 0)
    for precision in precisions:
        if known and not set(precision.values()) <= known:
            continue  # so slow here that the benchmark left it out
        for channels_last in (False, True) if convolves and measured is not None else (None,):
            for tiling in (None, True) if tiles else (None,):
                for offload in ("none", "model", "sequential") if _can_move(question, place) else ("none",):
                    yield Plan(
                        device=place.device,
                        threads=0 if own_memory else threads,
                        precision=precision,
                        channels_last=channels_last,
                        tiling=tiling,
                        offload=offload,
                    )


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
    )
    around = MEMORY_LEARNT if correction.runs else MEMORY
    ram = _span(counted.ram * correction.ram, around)
    vram = None if counted.vram is None else _span(counted.vram * correction.vram, around)
    phases = {name: took * correction.phases.get(name, 1.0) for name, took in counted.phases.items()}
    deciding = memory.vram if memory.vram is not None else memory.ram
    factor = correction.vram if memory.vram is not None else correction.ram
    prediction = Prediction(
        ram=ram,
        vram=vram,
        seconds=_span(sum(phases.values()), _around_time(correction)) if phases else None,
        phases=phases,
        breakdown={name: size * factor for name, size in deciding.items()},
    )
    available = question.ram_bytes if place.memory_bytes is None else place.memory_bytes
    verdict = fit(vram or ram, available)
    if vram is not None and fit(ram, question.ram_bytes) is Fit.RED:
        verdict = Fit.RED
    return Planned(
        plan=plan,
        prediction=prediction,
        counted=counted,
        fit=verdict,
        available_bytes=available,
        ram_bytes=question.ram_bytes,
        learnt=correction.runs > 0,
    )


def _phases(question: Question, plan: Plan, clock: Clock | None) -> dict[str, float]:
    if clock is None or not clock.knows(question.cost, plan):
        return {}
    return clock.phases(
        question.cost, plan, question.spec.name, loaded=question.loaded, started=question.started
    )


def _can_move(question: Question, place: Place) -> bool:
    return place.memory_bytes is not None and OFFLOAD in question.spec.capabilities


def _around_time(correction: Correction) -> tuple[float, float]:
    if correction.runs < SURE:
        return TIME_ONCE if correction.runs else TIME
    return TIME_EXACT if correction.exact else TIME_LEARNT


def _span(middle: float, around: tuple[float, float]) -> Span:
    return Span(low=middle * around[0], mid=middle, high=middle * around[1])


def _rank(each: Planned) -> tuple[int, bool, float]:
    """What is sure to fit comes first, then the quickest as counted: what single runs took must not change
    the way from one picture to the next, for the same seed is to give the same picture. Without measured
    times the order stays: the plainest first.
    """
    return _ORDER[each.fit], not each.safe, sum(each.counted.phases.values())
