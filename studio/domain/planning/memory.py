"""Peak memory from first principles: weights by part and type, activations, what is kept, the libraries."""

from __future__ import annotations

from msgspec import Struct

from studio.domain.cost.cost import TYPE_BYTES, Part, Stage
from studio.domain.plan import Plan
from studio.domain.planning.question import Place, Question

CONTEXT = 450e6  # bytes that a driver takes of an accelerator before anything is computed
RESERVE = 0.03  # of weights and activations: what an allocator rounds up and cannot give to others
LAYER = 0.05  # of a part's weights: the largest layer that lies on the accelerator at once


class Peak(Struct, frozen=True, kw_only=True):
    """Bytes at the worst moment, by what uses them; `vram` is None for what has no memory of its own."""

    ram: dict[str, float]
    vram: dict[str, float] | None = None


def peak(question: Question, place: Place, plan: Plan) -> Peak:
    """Of the whole job on *place*, loading included."""
    base = _base(question, place)
    if place.memory_bytes is None:
        return Peak(ram=_with_reserve({"base": base} | _here(question, plan, "none")))
    host = {"base": base, "weights": _host_weights(question, plan)}
    device = {"base": CONTEXT} | _here(question, plan, plan.offload)
    return Peak(ram=_with_reserve(host), vram=_with_reserve(device))


def weight_bytes(part: Part, plan: Plan) -> float:
    """What *part* takes in memory once it is loaded."""
    if part.fixed_bytes is not None:
        return float(part.fixed_bytes)
    type_bytes = TYPE_BYTES.get(plan.precision_of(part.name))
    return float(part.stored_bytes) if type_bytes is None else part.elements * type_bytes


def _base(question: Question, place: Place) -> float:
    measured = place.measured.libraries.get(question.spec.name) if place.measured else None
    return float(measured.bytes if measured else question.spec.memory.base)


def _here(question: Question, plan: Plan, offload: str) -> dict[str, float]:
    """Weights and work where the computing happens, at the moment when they are most together."""
    weights = {part.name: weight_bytes(part, plan) for part in question.cost.parts}
    resident = {"none": sum(weights.values()), "model": 0.0, "sequential": 0.0}[offload]
    moments = [{"weights": _loading(question, weights), "work": 0.0, "kept": 0.0}]
    for stage in question.cost.stages:
        own = weights.get(stage.part, 0.0)
        here = resident or {"model": own, "sequential": LAYER * own}[offload]
        work = _alive(stage, plan) * TYPE_BYTES.get(plan.precision_of(stage.part), 4.0)
        kept = sum(each.kept_bytes for each in question.cost.stages)
        moments.append({"weights": here, "work": work, "kept": kept})
    return max(moments, key=lambda moment: sum(moment.values()))


def _loading(question: Question, weights: dict[str, float]) -> float:
    """A part that changes its type lies there twice for a while: as its file, and as what it becomes."""
    worst, before = 0.0, 0.0
    for part in question.cost.parts:
        changes = part.fixed_bytes is None and abs(weights[part.name] - part.stored_bytes) > 1
        worst = max(worst, before + weights[part.name] + (part.stored_bytes if changes else 0.0))
        before += weights[part.name]
    return worst


def _host_weights(question: Question, plan: Plan) -> float:
    """RAM beside an accelerator: a part on its way there, or all that wait for their turn."""
    weights = [weight_bytes(part, plan) for part in question.cost.parts]
    return max(weights, default=0.0) if plan.offload == "none" else sum(weights)


def _alive(stage: Stage, plan: Plan) -> float:
    if plan.tiling and stage.alive_tiled is not None:
        return stage.alive_tiled
    return stage.alive


def _with_reserve(parts: dict[str, float]) -> dict[str, float]:
    """Without those that are nothing."""
    grown = RESERVE * (parts.get("weights", 0.0) + parts.get("work", 0.0))
    return {name: size for name, size in {**parts, "reserve": grown}.items() if size > 0}
