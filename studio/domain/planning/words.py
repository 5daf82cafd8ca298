"""How a plan computes, in the user's words."""

from __future__ import annotations

from studio.domain.cost.cost import TYPE_BYTES
from studio.domain.family import FamilySpec
from studio.domain.plan import AUTO, Loaded, Plan
from studio.domain.text import t


def how(plan: Plan, spec: FamilySpec) -> list[tuple[str, str]]:
    """(key of the name, words) of all that is decided; where *spec* leaves no choice nothing is said."""
    on_processor = plan.device == "cpu"
    found = [("plan.device", t("plan.processor") if on_processor else plan.device)]
    if on_processor and plan.threads:
        found.append(("plan.threads", str(plan.threads)))
    if plan.precision and len(spec.precisions.get("cpu" if on_processor else "gpu", ())) > 1:
        found.append(("plan.precision", _numbers(plan.precision)))
    if plan.channels_last:
        found.append(("plan.layout", t("plan.layout.channels_last")))
    if plan.attention != AUTO and plan.attention not in spec.attention[:1]:
        found.append(("plan.attention", t(f"plan.attention.{plan.attention}")))
    if plan.kv_cache is not None and len(spec.kv_cache) > 1:
        found.append(("plan.kv_cache", t(f"plan.kv_cache.{plan.kv_cache.type}")))
    pieces = [name for name in ("tiling", "slicing") if getattr(plan, name)]
    if pieces:
        found.append(("plan.pieces", ", ".join(t(f"plan.pieces.{name}") for name in pieces)))
    if plan.offload != "none":
        found.append(("plan.offload", t(f"plan.offload.{plan.offload}")))
    if plan.compile:
        found.append(("plan.compile", t("plan.compile.on")))
    return found


def _numbers(precision: dict[str, str]) -> str:
    """ "16 bits for unet (bfloat16), else 32 bits (float32)"."""
    words = [
        t("plan.numbers.part", bits=_bits(kind), part=part, kind=kind)
        for part, kind in sorted(precision.items())
        if part != "*"
    ]
    if kind := precision.get("*"):
        words.append(t("plan.numbers.rest" if words else "plan.numbers", bits=_bits(kind), kind=kind))
    return t("plan.numbers.join").join(words)


def _bits(kind: str) -> int:
    return round(8 * TYPE_BYTES[kind])


def loaded(found: Loaded) -> list[tuple[str, str]]:
    """(name, words) of what was in memory: the numbers by part, and what computes unlike as usual."""
    kinds: dict[str, list[str]] = {}
    for part, kind in found.precision.items():
        kinds.setdefault(kind, []).append(part)
    usual = max(kinds, key=lambda kind: len(kinds[kind]), default="")
    others = [f"{part} {kind}" for part, kind in found.precision.items() if kind != usual]
    numbers = ", ".join([*others, usual] if usual else others)
    rows = [(t("plan.precision"), numbers)] if numbers else []
    if found.kv_cache is not None and found.kv_cache.length:
        kind = t(f"plan.kv_cache.{found.kv_cache.type}")
        words = t("plan.kv_cache.length", kind=kind, n=found.kv_cache.length)
        rows.append((t("plan.kv_cache"), words))
    if found.offload != "none":
        rows.append((t("plan.offload"), t(f"plan.offload.{found.offload}")))
    return rows
