"""Seconds from operations and measured rates: every rate is read off between the points that were measured.

Between points the logarithm of a rate is taken to change evenly with the logarithm of the sizes;
beyond the outermost point it stays what it is there.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence

from studio.domain.cost.ops import Attention, Convolution, Linear, Op, Ops, Own, Pointwise
from studio.domain.measurement import Rates

NEAR = 1e-6
SCORE_PASSES = 3  # over scores: made, turned into shares of one, read again
SLICE_CALLS = 8  # operations for each head where they take turns
SHARPNESS = 3.0  # of the weights of several points: how much more the nearest one counts


class Timing:
    """Reads one `Rates`. `own`: figures of the families (`Measurements.own`).

    `written`: attention writes its scores out: "eager", all of them, or "sliced", one head's at a time.
    """

    def __init__(self, rates: Rates, own: dict[str, float], written: str = "") -> None:
        self._rates = rates
        self._own = own
        self._written = written
        self._known: dict[Op, float] = {}

    def seconds(self, ops: Ops, calls: float = 0.0) -> float:
        """Of *ops*, each as often as it is counted, and of the *calls* that start them."""
        return sum(self._one(op) * count for op, count in ops) + calls * self._rates.call

    @property
    def call(self) -> float:
        """Seconds that starting an operation takes where there is nothing else."""
        return self._rates.call

    def _one(self, op: Op) -> float:
        found = self._known.get(op)
        if found is None:
            found = self._known[op] = self._read(op)
        return found

    def _read(self, op: Op) -> float:
        rates = self._rates
        match op:
            case Linear():
                return op.inputs * op.outputs * linear_rate(rates.linear, op.rows)
            case Convolution():
                if op.kernel == 1:
                    return op.inputs * op.outputs * linear_rate(rates.linear, op.positions)
                channels = math.sqrt(op.inputs * op.outputs)
                return op.macs * between(rates.convolution, (channels, op.positions))
            case Attention() if self._written:
                return self._write_out(op)
            case Attention():
                return op.macs * between(rates.attention, (op.queries, op.keys, op.width))
            case Pointwise():
                return op.elements * between(rates.pointwise, (op.elements,))
            case Own():
                return op.amount * self._own.get(op.key, 0.0)

    def _write_out(self, op: Attention) -> float:
        """Two products of matrices for each head, and passes over the scores between them."""
        rates = self._rates
        products = 2 * op.width * op.keys * linear_rate(rates.linear, op.queries)
        scores = op.queries * op.keys
        sliced = self._written == "sliced"
        passes = SCORE_PASSES * scores * between(rates.pointwise, (scores * (1 if sliced else op.heads),))
        return op.heads * (products + passes + (SLICE_CALLS * rates.call if sliced else 0.0))


def linear_rate(points: Sequence[tuple[float, float]], rows: float) -> float:
    """Seconds per weight for *rows*; *points* are sorted. Beyond the last one it grows with the rows."""
    sizes = [size for size, _ in points]
    place = bisect.bisect_left(sizes, rows)
    if place == len(points):
        return points[-1][1] * rows / sizes[-1]
    if place == 0:
        return points[0][1]
    (low, slow), (high, fast) = points[place - 1], points[place]
    share = math.log(rows / low) / math.log(high / low)
    return math.exp(math.log(slow) + share * (math.log(fast) - math.log(slow)))


def between(points: Sequence[tuple[float, ...]], sizes: Sequence[float]) -> float:
    """The last column of *points* at *sizes* (their other columns), weighted by nearness in logarithms."""
    total, weight = 0.0, 0.0
    for *place, rate in points:
        distance = sum(math.log(mine / theirs) ** 2 for mine, theirs in zip(sizes, place, strict=True))
        if distance < NEAR:
            return rate
        near = distance ** (-SHARPNESS / 2)
        total += near * math.log(rate)
        weight += near
    return math.exp(total / weight) if weight else 0.0
