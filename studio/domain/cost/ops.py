"""Operations with their shapes: what time is predicted from.

Multiply-adds, not FLOPs, are counted (one multiply-add is two FLOPs). Equal operations are one entry
with a count, so that a whole network is some dozens of entries.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple


class Linear(NamedTuple):
    """(rows, inputs) @ (inputs, outputs): *inputs* x *outputs* weights, used once per row."""

    rows: int
    inputs: int
    outputs: int

    @property
    def macs(self) -> float:
        return float(self.rows) * self.inputs * self.outputs


class Convolution(NamedTuple):
    """`kernel`: taps of the filter (9 for 3 x 3). `positions`: outputs of all pictures together.

    `inputs` are those that one output sees: channels of its group.
    """

    positions: int
    inputs: int
    outputs: int
    kernel: int

    @property
    def macs(self) -> float:
        return float(self.positions) * self.inputs * self.outputs * self.kernel


class Attention(NamedTuple):
    """Scores and weighted sum, without projections. `heads` of the whole batch, `width` of one head."""

    heads: int
    queries: int
    keys: int
    width: int

    @property
    def macs(self) -> float:
        return 2.0 * self.heads * self.queries * self.keys * self.width


class Pointwise(NamedTuple):
    """One pass over *elements* that computes little: a norm, an activation, a sum, a copy."""

    elements: int

    @property
    def macs(self) -> float:
        return 0.0


class Own(NamedTuple):
    """*amount* units that the family measures itself: `Measurements.own[key]` is the seconds of one."""

    key: str
    amount: float

    @property
    def macs(self) -> float:
        return 0.0


Op = Linear | Convolution | Attention | Pointwise | Own
Ops = tuple[tuple[Op, int], ...]


class Tally:
    """Collects operations while a network is walked through. Sizes that are not positive are left out."""

    def __init__(self) -> None:
        self._counts: Counter[Op] = Counter()

    def add(self, op: Op, count: int = 1) -> None:
        if count > 0 and all(size > 0 for size in op if not isinstance(size, str)):
            self._counts[op] += count

    def linear(self, rows: int, inputs: int, outputs: int, count: int = 1) -> None:
        self.add(Linear(rows, inputs, outputs), count)

    def convolution(self, positions: int, inputs: int, outputs: int, kernel: int, count: int = 1) -> None:
        self.add(Convolution(positions, inputs, outputs, kernel), count)

    def attention(self, heads: int, queries: int, keys: int, width: int, count: int = 1) -> None:
        self.add(Attention(heads, queries, keys, width), count)

    def pointwise(self, elements: int, count: int = 1) -> None:
        self.add(Pointwise(elements), count)

    def merge(self, ops: Ops, count: int = 1) -> None:
        for op, times in ops:
            self._counts[op] += times * count

    @property
    def ops(self) -> Ops:
        return tuple(self._counts.items())


class Written(NamedTuple):
    """The most elements alive at once where attention writes its scores out: `eager`, all of them; `sliced`,
    those of one head.
    """

    eager: float = 0.0
    sliced: float = 0.0


class Walk(NamedTuple):
    """A network walked through once: its operations, the most elements of activations that are alive at
    once (input and output included, weights not), and how many calls of operations Python makes.
    """

    ops: Ops
    alive: float
    calls: int
    written: Written = Written()


def split(ops: Ops, batch: int) -> Ops:
    """What is done for *batch* pictures at once, done for one after another."""
    tally = Tally()
    for op, count in ops:
        tally.add(_one(op, batch), count * batch)
    return tally.ops


def _one(op: Op, batch: int) -> Op:
    match op:
        case Linear():
            return op._replace(rows=-(-op.rows // batch))
        case Convolution():
            return op._replace(positions=-(-op.positions // batch))
        case Attention():
            return op._replace(heads=-(-op.heads // batch))
        case Pointwise():
            return op._replace(elements=-(-op.elements // batch))
        case Own():
            return op._replace(amount=op.amount / batch)


def macs(ops: Iterable[tuple[Op, int]]) -> float:
    """Multiply-adds of all of them."""
    return sum(op.macs * count for op, count in ops)
