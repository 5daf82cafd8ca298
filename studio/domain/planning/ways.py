"""The ways to compute a request at a place, the plainest first.

Only what may be worth it is tried. Further choices are there for who asks for them: see `choices`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from studio.domain.cost.cost import FILE_TYPES
from studio.domain.family import FamilySpec
from studio.domain.plan import AUTO, KvCache, Plan
from studio.domain.planning.choices import (
    BFLOAT,
    HALF,
    PRECISION,
    applied,
    can_slice,
    refusal,
    weak,
)
from studio.domain.planning.question import Place, Question

WRITES_SCORES = ("mps",)  # devices whose fused attention writes scores out all the same
Savings = dict[str, bool]


def ways(question: Question, place: Place) -> Iterator[Plan]:
    """What the family can do on *place* with the choices of the question."""
    choices, threads = question.choices, question.threads
    if not threads and place.measured is not None:
        threads = place.measured.best.threads
    all_savings = _savings(question)
    seen: set[tuple[object, ...]] = set()
    for precision, memory_format, attention, kept, compiled, offload, savings in itertools.product(
        _precisions(question, place),
        _memory_formats(question, place),
        _attentions(question, place),
        _caches(question, place),
        _compiled(question, place),
        _offloads(question, place),
        all_savings,
    ):
        if offload != "none" and savings not in (all_savings[0], all_savings[-1]):
            continue  # where parts take turns already, a little less of the rest decides nothing
        plan = Plan(
            device=place.device,
            threads=0 if place.memory_bytes is not None else threads,
            precision=precision,
            memory_format=memory_format,
            attention=attention,
            kv_cache=kept,
            compile=compiled,
            offload=offload,
            tiling=savings.get("tiling"),
            slicing=savings.get("slicing", False),
        )
        plan = applied(plan, choices) if choices else plan
        if plan.compile and plan.offload != "none":
            continue  # what is compiled must stay where it is
        key = (plan.loading, plan.tiling, plan.slicing)
        if not choices or key not in seen:  # what is chosen is the same in several
            seen.add(key)
            yield plan


def coarse(spec: FamilySpec, plan: Plan) -> bool:
    """Whether what it saves can be seen, heard or read."""
    kept = plan.kv_cache is not None and plan.kv_cache.type not in spec.kv_cache[:1]
    return kept or plan.precision in spec.coarser.get("cpu" if plan.device == "cpu" else "gpu", ())


def _precisions(question: Question, place: Place) -> list[dict[str, str]]:
    spec = question.spec
    if PRECISION in question.choices:
        return [{}]  # it is what is chosen
    found = [*(spec.precisions.get(place.kind) or ({},)), *spec.coarser.get(place.kind, ())]
    if place.measured is None and place.kind == "gpu":  # what families take there by themselves comes first
        found = [*found[1:], found[0]]
    known = {rates.precision for rates in place.measured.rates} if place.measured is not None else set[str]()
    if known:  # the benchmark left out what is too slow here
        found = [way for way in found if set(way.values()) <= known]
    shorter = [way for way in found if BFLOAT not in way.values()]
    wide = any(FILE_TYPES.get(part.stored_type) == BFLOAT for part in question.cost.parts)
    if weak(place) and any(HALF in way.values() for way in shorter):
        return shorter
    if wide and len(shorter) < len(found):  # numbers of such a file may be too large for float16
        return [way for way in found if HALF not in way.values()]
    return found


def _memory_formats(question: Question, place: Place) -> tuple[str, ...]:
    convolves = any(stage.convolves for stage in question.cost.stages)
    return ("contiguous", "channels_last") if convolves and place.measured is not None else (AUTO,)


def _attentions(question: Question, place: Place) -> tuple[str, ...]:
    kinds = question.spec.attention
    if place.device in WRITES_SCORES and "sliced" in kinds:
        return (kinds[0], "sliced")
    return kinds[:1] or (AUTO,)


def _caches(question: Question, place: Place) -> list[KvCache | None]:
    """The first kind; the shorter ones where there are some."""
    kinds = question.spec.kv_cache
    if not kinds:
        return [None]
    lengths = {stage.cached for stage in question.cost.stages if stage.cached}
    length = max(lengths, default=0)
    found = [kinds[0]]
    if any(stage.cache for stage in question.cost.stages):
        found += [kind for kind in kinds[1:] if refusal(question, place, "kv_cache", kind) is None]
    return [KvCache(type=kind, length=length) for kind in found]


def _compiled(question: Question, place: Place) -> tuple[bool, ...]:
    compiler = place.measured.compiler if place.measured is not None else None
    if compiler is None or compiler.ratio >= 1 or refusal(question, place, "compile", "on"):
        return (False,)
    return (False, True)


def _offloads(question: Question, place: Place) -> tuple[str, ...]:
    if refusal(question, place, "offload", "model"):
        return ("none",)
    return ("none", "model", "group", "sequential")


def _savings(question: Question) -> list[Savings]:
    """Each saves more than the one before."""
    found: list[Savings] = [{}]
    if any(stage.alive_tiled is not None for stage in question.cost.stages):
        found.append({"tiling": True})
    if can_slice(question):
        found.append({**found[-1], "slicing": True})
    return found
