"""A plan in the user's words: how it computes, what it takes, and what would make it fit."""

from __future__ import annotations

from typing import Any

from studio.app.fit import time_words
from studio.domain.family import FamilySpec
from studio.domain.plan import Plan, Planned, Plans, Span
from studio.domain.planning.words import how
from studio.domain.quantity import duration, gigabytes
from studio.domain.text import t


def reason(plans: Plans) -> str:
    """Whether it fits, in a sentence."""
    if not plans.plans:
        return t(plans.reason)
    best = plans.plans[0]
    return t(plans.reason, need=gigabytes(best.memory.mid), free=gigabytes(best.available_bytes))


def short(plan: Plan, beside: Plan, spec: FamilySpec) -> str:
    """In a line, what is other than in *beside*; all of it where something there is left out here."""
    own, others = dict(how(plan, spec)), dict(how(beside, spec))
    own.pop("plan.threads", None)
    if others.keys() - own.keys() <= {"plan.threads"}:
        own = {key: words for key, words in own.items() if others.get(key) != words} or own
    elif plan.device == beside.device:
        own.pop("plan.device")
    return "  •  ".join(own.values())


def memory(span: Span) -> str:
    return f"{gigabytes(span.mid)} GB"


def span_words(span: Span) -> str:
    """ "12 s (10 s to 15 s)"; one figure where the ends are told alike."""
    low, mid, high = duration(span.low), duration(span.mid), duration(span.high)
    return mid if low == high else t("plan.span", mid=mid, low=low, high=high)


def takes(planned: Planned) -> str:
    """Memory and time in a line."""
    seconds = planned.prediction.seconds
    time = [time_words(seconds, most=planned.most)] if seconds is not None else []
    return "  •  ".join([memory(planned.memory), *time])


def change_words(change: dict[str, Any], spec: FamilySpec) -> str:
    """ "Steps: 12", "Size: 384 × 384"."""
    name, value = next(iter(change.items()))
    label = next(t(parameter.label_key) for parameter in spec.parameters if parameter.name == name)
    shown = " × ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return t("plan.change", name=label, value=shown)
