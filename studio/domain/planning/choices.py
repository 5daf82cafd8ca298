"""What a user may decide of a plan, in words: "attention=sliced". What cannot be has its reason.

A choice is checked against the family, the place and the model's parts; every key has its own test here.
"""

from __future__ import annotations

from typing import Any

import msgspec

from studio.domain.cost.ops import Attention
from studio.domain.plan import KvCache, Plan
from studio.domain.planning.question import Place, Question

PRECISION, LENGTH = "precision", "kv_cache.length"
SWITCH = {"off": False, "on": True}
VALUES: dict[str, tuple[str, ...]] = {
    "attention": ("sdpa", "flash", "eager", "sliced"),
    "compile": tuple(SWITCH),
    "kv_cache": ("f16", "q8_0", "q4_0", "dynamic", "static"),
    "memory_format": ("contiguous", "channels_last"),
    "offload": ("none", "model", "group", "sequential"),
    PRECISION: ("float32", "bfloat16", "float16"),
    "slicing": tuple(SWITCH),
    "tiling": tuple(SWITCH),
}
BFLOAT, HALF, PLAIN = "bfloat16", "float16", "float32"
LEAST_LENGTH = 256
BLOCK = 32  # numbers that share a scale in a short cache, all of one head
NEW = 80  # "sm_80": the first of NVIDIA's cards that compute with bfloat16, and with the flash kernel


def parse(words: str) -> tuple[str, str]:
    """Of "key=value". Raises ValueError with the key of a text that has placeholders name and known."""
    key, _, value = words.partition("=")
    if key == LENGTH:
        if not value.isdecimal() or int(value) < LEAST_LENGTH:
            raise ValueError("plan.choice.length", key, str(LEAST_LENGTH))
        return key, value
    known = VALUES.get(PRECISION if key.startswith(f"{PRECISION}.") else key)
    if known is None:
        raise ValueError("plan.choice.unknown", key, ", ".join([*VALUES, f"{PRECISION}.PART", LENGTH]))
    if value not in known:
        raise ValueError("plan.choice.value", f"{key}={value}", ", ".join(known))
    return key, value


def refused(question: Question, place: Place) -> tuple[str, str] | None:
    """The first of the question's choices that *place* cannot have ("attention=flash"), and a text key."""
    for key, value in question.choices.items():
        if reason := refusal(question, place, key, value):
            return f"{key}={value}", reason
    kept = question.choices.get("kv_cache", "")
    if kept.startswith("q") and question.choices.get("attention") == "eager":
        return "attention=eager", "plan.absent.kv_needs_flash"
    if question.choices.get("compile") == "on" and question.choices.get("offload", "none") != "none":
        return "compile=on", "plan.absent.compile_stays"
    return None


def absent(question: Question, place: Place) -> dict[str, str]:
    """Text keys by choice ("attention=flash"): why no plan for *place* has it."""
    reasons = {
        f"{key}={value}": refusal(question, place, key, value)
        for key, values in VALUES.items()
        for value in values
    }
    return {choice: reason for choice, reason in reasons.items() if reason is not None}


def refusal(question: Question, place: Place, key: str, value: str) -> str | None:
    """Why *place* cannot have it, a text key."""
    return _CHECKS[key.partition(".")[0]](question, place, key, value)


def _no_attention(question: Question, place: Place, _key: str, value: str) -> str | None:
    if value not in question.spec.attention:
        return "plan.absent.kind"
    # On the processor the flash kernel takes any numbers; llama.cpp brings its own for all.
    own = place.kind == "cpu" or "torch" not in question.spec.libraries
    fast = place.device.startswith("cuda") and not weak(place)
    return "plan.absent.flash" if value == "flash" and not own and not fast else None


def _no_compiler(question: Question, place: Place, _key: str, value: str) -> str | None:
    if value == "off":
        return None
    if "compile" not in question.spec.capabilities:
        return "plan.absent.kind"
    compiler = place.measured.compiler if place.measured else None
    return "plan.absent.compiler" if compiler is not None and compiler.reason else None


def _no_cache(question: Question, _place: Place, key: str, value: str) -> str | None:
    kinds = question.spec.kv_cache
    if key == LENGTH:
        fixed = any(stage.cache for stage in question.cost.stages)
        return None if fixed else "plan.absent.kind"
    if value not in kinds:
        return "plan.absent.kind"
    ops = (op for stage in question.cost.stages for op, _ in stage.ops)
    uneven = any(isinstance(op, Attention) and op.width % BLOCK for op in ops)
    return "plan.absent.kv_heads" if value.startswith("q") and uneven else None


def _no_format(question: Question, _place: Place, _key: str, value: str) -> str | None:
    fits = value == "contiguous" or any(stage.convolves for stage in question.cost.stages)
    return None if fits else "plan.absent.kind"


def _no_offload(question: Question, place: Place, _key: str, value: str) -> str | None:
    if value == "none":
        return None
    if "offload" not in question.spec.capabilities:
        return "plan.absent.kind"
    return "plan.absent.one_memory" if place.memory_bytes is None else None


def _no_precision(question: Question, place: Place, key: str, value: str) -> str | None:
    spec, part = question.spec, key.partition(".")[2]
    if not spec.precisions:
        return "plan.absent.in_file"
    if part and part not in {each.name for each in question.cost.parts}:
        return "plan.absent.part"
    ways = (*spec.precisions.get(place.kind, ()), *spec.coarser.get(place.kind, ()))
    if value == BFLOAT and weak(place) and any(HALF in way.values() for way in ways):
        return "plan.absent.bfloat16"
    # The range of float16 is small: only where the family knows that the part's numbers fit.
    if value == HALF and not any((way.get(part) or way["*"]) == HALF for way in ways):
        return "plan.absent.range"
    known = {rates.precision for rates in place.measured.rates} if place.measured else {value}
    return None if value in known else "plan.absent.slow"


def _no_slicing(question: Question, _place: Place, _key: str, value: str) -> str | None:
    return None if value == "off" or can_slice(question) else "plan.absent.one_picture"


def _no_tiling(question: Question, _place: Place, _key: str, value: str) -> str | None:
    tiles = any(stage.alive_tiled is not None for stage in question.cost.stages)
    return None if value == "off" or tiles else "plan.absent.kind"


_CHECKS = {
    "attention": _no_attention,
    "compile": _no_compiler,
    "kv_cache": _no_cache,
    "memory_format": _no_format,
    "offload": _no_offload,
    PRECISION: _no_precision,
    "slicing": _no_slicing,
    "tiling": _no_tiling,
}


def can_slice(question: Question) -> bool:
    """Whether several are computed at once, and the family can take them apart."""
    return "slicing" in question.spec.capabilities and any(s.batch > 1 for s in question.cost.stages)


def weak(place: Place) -> bool:
    """Whether it computes bfloat16 only by way of other numbers."""
    number = (place.arch or "").removeprefix("sm_")
    return place.device == "mps" or (number.isdecimal() and int(number) < NEW)


def applied(plan: Plan, choices: dict[str, str]) -> Plan:
    """*plan* with *choices*, which were checked."""
    changes: dict[str, Any] = {}
    for key, value in choices.items():
        if key.startswith(PRECISION):
            part = key.partition(".")[2] or "*"
            before = changes.get(PRECISION, {} if part == "*" else plan.precision)
            changes[PRECISION] = {"*": PLAIN, **before, part: value}
        elif key == LENGTH or key == "kv_cache":
            kept = changes.get("kv_cache") or plan.kv_cache or KvCache(type="f16")
            field = {"length": int(value)} if key == LENGTH else {"type": value}
            changes["kv_cache"] = msgspec.structs.replace(kept, **field)
        else:
            changes[key] = SWITCH.get(value, value)
    return msgspec.structs.replace(plan, **changes)
