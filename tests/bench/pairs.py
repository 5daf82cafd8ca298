"""Two ways to do the same, measured in turns: baseline, ours, baseline, ours.

Whatever else the machine does weighs on both halves of a pair alike, so the figure is the median of
the pairs' ratios. A baseline that varies by itself says that the figure means little: "noisy".
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass

PAIRS = 7
NOISE = 0.15  # standard deviation of the baseline, of its median


@dataclass(frozen=True)
class Pairs:
    """What each way took, in the order of measuring."""

    baseline: tuple[float, ...]
    ours: tuple[float, ...]

    @property
    def ratios(self) -> list[float]:
        return [ours / baseline for baseline, ours in zip(self.baseline, self.ours, strict=True)]

    @property
    def ratio(self) -> float:
        return statistics.median(self.ratios)

    @property
    def noise(self) -> float:
        return statistics.stdev(self.baseline) / statistics.median(self.baseline)

    @property
    def noisy(self) -> bool:
        return self.noise > NOISE

    @property
    def spread(self) -> str:
        return (
            f"{min(self.ratios):.2f} to {max(self.ratios):.2f} in {len(self.ours)} pairs, "
            f"baseline ± {self.noise:.0%}"
        )


def measure(baseline: Callable[[], float], ours: Callable[[], float], *, pairs: int = PAIRS) -> Pairs:
    """Both must be warm already. What came out noisy is done once more, and the calmer one counts."""
    first = _measure(baseline, ours, pairs)
    if not first.noisy:
        return first
    return min(first, _measure(baseline, ours, pairs), key=lambda each: each.noise)


def _measure(baseline: Callable[[], float], ours: Callable[[], float], pairs: int) -> Pairs:
    took = [(baseline(), ours()) for _ in range(pairs)]
    return Pairs(tuple(pair[0] for pair in took), tuple(pair[1] for pair in took))
