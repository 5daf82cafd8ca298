"""Predictions beside truths: errors, and how well a repeat of the measurement itself would have done."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any

from tests.bench.plan.truth import Truth


@dataclass(frozen=True)
class Compared:
    """One point. Predicted figures, and the truths that repeats gave."""

    key: str
    ram: float
    seconds: float
    phases: dict[str, float]
    truths: tuple[Truth, ...]

    @property
    def ram_error(self) -> float:
        return _error(self.ram, [truth.peak for truth in self.truths])

    @property
    def time_error(self) -> float:
        return _error(self.seconds, [truth.seconds for truth in self.truths])

    @property
    def repeat_error(self) -> float:
        """The best that one more measurement could do: how far the repeats are from their median, in time."""
        times = [truth.seconds for truth in self.truths]
        middle = statistics.median(times)
        return statistics.median(abs(time / middle - 1) for time in times)


def _error(predicted: float, measured: list[float] | list[int]) -> float:
    """Relative to the median; nothing inside the spread of the repeats."""
    if min(measured) <= predicted <= max(measured):
        return 0.0
    middle = statistics.median(measured)
    return abs(predicted - middle) / middle


def summary(points: list[Compared]) -> dict[str, Any]:
    """Median and 95th percentile of the errors."""
    found: dict[str, Any] = {"points": len(points)}
    for name in ("ram", "time", "repeat"):
        errors = sorted(getattr(point, f"{name}_error") for point in points)
        found[f"{name}_median"] = statistics.median(errors)
        found[f"{name}_p95"] = errors[min(len(errors) - 1, round(0.95 * (len(errors) - 1)))]
    return found
