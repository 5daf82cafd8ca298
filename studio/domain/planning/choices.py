"""What a user may decide of a plan, in words: "attention=sliced". What cannot be has its reason.

A choice is checked against the family, the place and the model's parts; every key has its own test here.
"""

from __future__ import annotations

from typing import Any

import msgspec

from studio.domain.cost.ops import Convolution
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
    spec, stages = question.spec, question.cost.stages
    if key.startswith(PRECISION):
        return _no_precision(question, place, key, value)
    if key == "attention":
        if value not in spec.attention:
            return "plan.absent.kind"
        return "plan.absent.flash" if value == "flash" and _lacks_flash(question, place) else None
    if key in ("kv_cache", LENGTH):
        can = value in spec.kv_cache if key == "kv_cache" else len(spec.kv_cache) > 2
        return None if can else "plan.absent.kind"
    if key == "offload" and value != "none":
        if place.memory_bytes is None:
            return "plan.absent.one_memory"
        return None if "offload" in spec.capabilities else "plan.absent.kind"
    if key == "memory_format" and value == "channels_last":
        convolves = any(isinstance(op, Convolution) for stage in stages for op, _ in stage.ops)
        return None if convolves else "plan.absent.kind"
    if key == "compile" and value == "on":
        if "compile" not in spec.capabilities:
            return "plan.absent.kind"
        compiler = place.measured.compiler if place.measured else None
        return "plan.absent.compiler" if compiler is not None and compiler.reason else None
    if key == "slicing" and value == "on":
        return None if can_slice(question) else "plan.absent.one_picture"
    if key == "tiling" and value == "on":
        return None if any(stage.alive_tiled is not None for stage in stages) else "plan.absent.kind"
    return None


def can_slice(question: Question) -> bool:
    """Whether several are computed at once, and the family can take them apart."""
    return "slicing" in question.spec.capabilities and any(s.batch > 1 for s in question.cost.stages)


def weak(place: Place) -> bool:
    """Whether it computes bfloat16 only by way of other numbers."""
    number = (place.arch or "").removeprefix("sm_")
    return place.device == "mps" or (number.isdecimal() and int(number) < NEW)


def _lacks_flash(question: Question, place: Place) -> bool:
    """On the processor the kernel takes any numbers."""
    if place.kind == "cpu" or "torch" not in question.spec.libraries:
        return False
    return not place.device.startswith("cuda") or weak(place)


def _no_precision(question: Question, place: Place, key: str, value: str) -> str | None:
    spec, part = question.spec, key.partition(".")[2]
    if not spec.precisions:
        return "plan.absent.in_file"
    if part and part not in {each.name for each in question.cost.parts}:
        return "plan.absent.part"
    if value == BFLOAT and weak(place):
        return "plan.absent.bfloat16"
    if value == HALF:  # its range is small: only where the family knows that the part's numbers fit
        ways = (*spec.precisions.get(place.kind, ()), *spec.coarser.get(place.kind, ()))
        if not any((way.get(part) or way["*"]) == HALF for way in ways):
            return "plan.absent.range"
    known = {rates.precision for rates in place.measured.rates} if place.measured else {value}
    return None if value in known else "plan.absent.slow"


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
