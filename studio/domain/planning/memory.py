"""Peak memory from first principles: weights by part and type, activations, what is kept, the libraries."""

from __future__ import annotations

from msgspec import Struct

from studio.domain.cost.cost import FILE_TYPES, TYPE_BYTES, Part, Stage
from studio.domain.plan import Plan
from studio.domain.planning.question import Place, Question

CONTEXT = 450e6  # bytes that a driver takes of an accelerator before anything is computed
RESERVE = 0.03  # of all on an accelerator: what its allocator rounds up and cannot give to others
RUNNING = 10e6  # bytes that an engine at work takes beside imports, weights and activations; measured
WITH_TORCH = 55e6  # the same where torch computes, with its threads and the code that it makes
# What libraries take for copies in another order while they convolve, over the activations; measured with
# oneDNN. Other operations work on what is there.
CONVOLVING = {
    ("float32", False): 2.3, ("float32", True): 1.6, ("bfloat16", False): 1.5, ("bfloat16", True): 1.5,
}  # fmt: skip
OTHERWISE = 1.15
AHEAD = 2  # blocks on the accelerator at once: the one that computes, and the next on its way
CACHE_BYTES = {"f16": 2.0, "q8_0": 34 / 32, "q4_0": 18 / 32}
"""Of one key or value. Numbers in blocks of 32 share a scale."""


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
    asked = plan.precision_of(part.name)
    if asked not in TYPE_BYTES:
        return float(part.stored_bytes)
    size = part.elements * TYPE_BYTES[asked]
    if plan.channels_last and not _changes(part, plan):
        size += part.convolving * TYPE_BYTES[asked]  # filters in another order; the mapped file stays
    return size


def cache_bytes(stage: Stage, plan: Plan) -> float:
    """Of its keys and values, those apart that are among what is alive."""
    if not stage.cache:
        return 0.0
    kept = plan.kv_cache
    length = kept.length / stage.cached if kept is not None and kept.length else 1.0
    return stage.cache * length * CACHE_BYTES[kept.type if kept is not None else "f16"]


def _changes(part: Part, plan: Plan) -> bool:
    """Whether it gets another type than it has in its file."""
    asked = plan.precision_of(part.name)
    return part.fixed_bytes is None and asked in TYPE_BYTES and FILE_TYPES.get(part.stored_type) != asked


def _base(question: Question, place: Place) -> float:
    measured = place.measured.libraries.get(question.spec.name) if place.measured else None
    imported = float(measured.bytes if measured else question.spec.memory.base)
    return imported + (WITH_TORCH if "torch" in question.spec.libraries else RUNNING)


def _moments(question: Question, plan: Plan) -> list[dict[str, float]]:
    """Weights and work where the computing happens, for each stage of it."""
    parts = {part.name: part for part in question.cost.parts}
    whole = sum(weight_bytes(part, plan) for part in question.cost.parts)
    kept = max((stage.kept_bytes for stage in question.cost.stages), default=0.0)
    moments: list[dict[str, float]] = []
    for stage in question.cost.stages:
        part = parts.get(stage.part)
        here = whole if plan.offload == "none" or part is None else _on_device(part, plan)
        memory = kept + cache_bytes(stage, plan)
        moments.append({"weights": here, "work": _work(stage, plan), "kept": memory})
    return moments


def _on_device(part: Part, plan: Plan) -> float:
    """What of *part* lies on an accelerator where parts take turns."""
    whole = weight_bytes(part, plan)
    each = whole / part.elements if part.elements else 0.0
    match plan.offload:
        case "group":
            return min(whole, AHEAD * part.block * each)
        case "sequential":
            return part.layer * each
        case _:
            return whole


def _loaded(question: Question, plan: Plan) -> dict[str, float]:
    """While it is loaded, one part after another, everything staying in RAM."""
    worst, before = 0.0, 0.0
    for part in question.cost.parts:
        worst = max(worst, before + _arriving(part, plan))
        before += weight_bytes(part, plan)
    return {"weights": worst}


def _host_weights(question: Question, plan: Plan) -> float:
    """RAM beside an accelerator: a part on its way there, or all that wait for their turn."""
    if plan.offload == "none":
        return max((_arriving(part, plan) for part in question.cost.parts), default=0.0)
    weights = [weight_bytes(part, plan) for part in question.cost.parts]
    # For blocks that travel beside the computing, each part is copied to memory that does not move.
    pinned = max(weights, default=0.0) if plan.offload == "group" else 0.0
    return max(_loaded(question, plan)["weights"], sum(weights) + pinned)


def _arriving(part: Part, plan: Plan) -> float:
    """One that changes its type lies there twice for a while: as its file, and as what it becomes."""
    return weight_bytes(part, plan) + (part.stored_bytes if _changes(part, plan) else 0.0)


def _work(stage: Stage, plan: Plan) -> float:
    """Bytes of activations and of what computing them takes beside."""
    tiled = bool(plan.tiling) and stage.alive_tiled is not None
    alive = stage.alive_tiled if tiled and stage.alive_tiled is not None else stage.alive
    written = stage.written_tiled if tiled else stage.written
    alive = max(alive, {"eager": written.eager, "sliced": written.sliced}.get(plan.attention, 0.0))
    if plan.slicing:
        alive /= stage.batch
    precision = plan.precision_of(stage.part)
    here = CONVOLVING.get((precision, plan.channels_last), CONVOLVING["float32", False])
    beside = here if stage.convolves else OTHERWISE
    return alive * TYPE_BYTES.get(precision, 4.0) * beside


def _named(parts: dict[str, float]) -> dict[str, float]:
    """Without those that are nothing."""
    return {name: size for name, size in parts.items() if size > 0}
