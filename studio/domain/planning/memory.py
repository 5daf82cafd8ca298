"""Peak memory from first principles: weights by part and type, activations, what is kept, the libraries."""

from __future__ import annotations

from msgspec import Struct

from studio.domain.cost.cost import TYPE_BYTES, Part, Stage
from studio.domain.cost.ops import Convolution
from studio.domain.plan import Plan
from studio.domain.planning.question import Place, Question

CONTEXT = 450e6  # bytes that a driver takes of an accelerator before anything is computed
RESERVE = 0.03  # of all on an accelerator: what its allocator rounds up and cannot give to others
RUNNING = 10e6  # bytes that an engine at work takes beside imports, weights and activations; measured
WITH_TORCH = 55e6  # the same where torch computes, with its threads and the code that it makes
# What libraries take for copies in another order while they convolve, over the activations; measured with
# oneDNN. Other operations work on what is there.
CONVOLVING = {"float32": 2.3, "bfloat16": 1.5, "float16": 1.5}
OTHERWISE = 1.15
LAYER = 0.05  # of a part's weights: the largest layer that lies on the accelerator at once


class Peak(Struct, frozen=True, kw_only=True):
    """Bytes at the worst moment, by what uses them; `vram` is None for what has no memory of its own."""

    ram: dict[str, float]
    vram: dict[str, float] | None = None


def peak(question: Question, place: Place, plan: Plan) -> Peak:
    """Of the whole job on *place*, loading included."""
    base = _base(question, place)
    if place.memory_bytes is None:
        moments = [_loaded(question, plan), *_moments(question, plan)]
        return Peak(ram=_named({"base": base} | max(moments, key=lambda moment: sum(moment.values()))))
    host = {"base": base, "weights": _host_weights(question, plan)}
    nothing: dict[str, float] = {}
    worst = max([nothing, *_moments(question, plan)], key=lambda moment: sum(moment.values()))
    device = {"base": CONTEXT} | worst
    return Peak(ram=_named(host), vram=_named(device | {"reserve": RESERVE * sum(device.values())}))


def weight_bytes(part: Part, plan: Plan) -> float:
    """What *part* takes in memory once it is loaded."""
    if part.fixed_bytes is not None:
        return float(part.fixed_bytes)
    type_bytes = TYPE_BYTES.get(plan.precision_of(part.name))
    return float(part.stored_bytes) if type_bytes is None else part.elements * type_bytes


def _base(question: Question, place: Place) -> float:
    measured = place.measured.libraries.get(question.spec.name) if place.measured else None
    imported = float(measured.bytes if measured else question.spec.memory.base)
    return imported + (WITH_TORCH if "torch" in question.spec.libraries else RUNNING)


def _moments(question: Question, plan: Plan) -> list[dict[str, float]]:
    """Weights and work where the computing happens, for each stage of it."""
    weights = {part.name: weight_bytes(part, plan) for part in question.cost.parts}
    whole = sum(weights.values())
    moments: list[dict[str, float]] = []
    for stage in question.cost.stages:
        own = weights.get(stage.part, 0.0)
        here = {"none": whole, "model": own, "sequential": LAYER * own}[plan.offload]
        work = _work(stage, plan)
        kept = max(each.kept_bytes for each in question.cost.stages)
        moments.append({"weights": here, "work": work, "kept": kept})
    return moments


def _loaded(question: Question, plan: Plan) -> dict[str, float]:
    """While it is loaded, one part after another, everything staying in RAM."""
    worst, before = 0.0, 0.0
    for part in question.cost.parts:
        worst = max(worst, before + _arriving(part, plan))
        before += weight_bytes(part, plan)
    return {"weights": worst}


def _host_weights(question: Question, plan: Plan) -> float:
    """RAM beside an accelerator: a part on its way there, or all that wait for their turn."""
    if plan.offload != "none":
        return _loaded(question, plan)["weights"]
    return max((_arriving(part, plan) for part in question.cost.parts), default=0.0)


def _arriving(part: Part, plan: Plan) -> float:
    """One that changes its type lies there twice for a while: as its file, and as what it becomes."""
    size = weight_bytes(part, plan)
    changes = part.fixed_bytes is None and abs(size - part.stored_bytes) > 1
    return size + (part.stored_bytes if changes else 0.0)


def _work(stage: Stage, plan: Plan) -> float:
    """Bytes of activations and of what computing them takes beside."""
    alive = stage.alive
    if plan.tiling and stage.alive_tiled is not None:
        alive = stage.alive_tiled
    precision = plan.precision_of(stage.part)
    convolves = any(isinstance(op, Convolution) for op, _ in stage.ops)
    beside = CONVOLVING.get(precision, CONVOLVING["float32"]) if convolves else OTHERWISE
    return alive * TYPE_BYTES.get(precision, 4.0) * beside


def _named(parts: dict[str, float]) -> dict[str, float]:
    """Without those that are nothing."""
    return {name: size for name, size in parts.items() if size > 0}
