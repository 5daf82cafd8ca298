"""How a request will run here, and a first honest estimate of what it takes."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Fit(StrEnum):
    """GREEN: the high end is at most 80 % of what is available. AMBER: the middle fits. RED: it does not."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"
    UNKNOWN = "unknown"


class Span(Struct, frozen=True, kw_only=True):
    low: float
    mid: float
    high: float


class Plan(Struct, frozen=True, kw_only=True):
    """What the engine is told. `device` is a concrete one.

    `precision`: "auto", "float32", "bfloat16" or "float16". `threads`: 0 is one per physical core.
    """

    device: str
    threads: int = 0
    precision: str = "auto"


class Estimate(Struct, frozen=True, kw_only=True):
    """Bytes of memory and seconds; None where nothing is known yet. `parts`: bytes by what uses them."""

    fit: Fit
    memory: Span | None
    available_bytes: int
    seconds: Span | None = None
    parts: dict[str, int] = {}
    measured: bool = False


def fit(memory: Span | None, available_bytes: int) -> Fit:
    if memory is None:
        return Fit.UNKNOWN
    if memory.mid > available_bytes:
        return Fit.RED
    return Fit.GREEN if memory.high <= 0.8 * available_bytes else Fit.AMBER
