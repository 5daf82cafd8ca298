"""Walks a network's shapes as a forward pass does, and watches which values are alive together.

A walk is written like the network's own code, and a `Values` counts as alive as long as Python holds it,
just as a tensor does there. So *what a name still refers to* is part of what is said: a residual that is
kept through a block, a skip that waits for the way up.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from studio.domain.cost.ops import Attention, Convolution, Linear, Op, Pointwise, Tally, Walk, Written

COPIES = 2  # of scores that are alive at once: as they are, and as shares of one


class _Memory:
    """Elements that end with the last `Values` that looks at them."""

    __slots__ = ("_elements", "_walker")

    def __init__(self, walker: Walker, elements: float) -> None:
        self._walker, self._elements = walker, elements
        walker.live += elements
        walker.peak = max(walker.peak, walker.live)

    def __del__(self) -> None:
        self._walker.live -= self._elements


class Values:
    """*rows* x *width* activations: tokens and their features, positions of pictures and their channels."""

    __slots__ = ("_memory", "rows", "width")

    def __init__(self, rows: int, width: int, memory: _Memory) -> None:
        self.rows, self.width, self._memory = rows, width, memory

    @property
    def elements(self) -> int:
        return self.rows * self.width

    def view(self, rows: int, width: int) -> Values:
        """The same memory, or a part of it, in another shape."""
        return Values(rows, width, self._memory)


class Walker:
    """Counts operations, their calls and the most elements alive at once. Each operation gives new `Values`.

    `live` and `peak` in elements of the part's own type.
    """

    def __init__(self) -> None:
        self.live = self.peak = self._eager = self._sliced = 0.0
        self._calls = 0
        self._times = 1
        self._tally = Tally()

    @property
    def walk(self) -> Walk:
        """All of it so far."""
        written = Written(max(self.peak, self._eager), max(self.peak, self._sliced))
        return Walk(self._tally.ops, self.peak, self._calls, written)

    def new(self, rows: int, width: int) -> Values:
        """Values that come from elsewhere: an input."""
        return Values(rows, width, _Memory(self, rows * width))

    @contextmanager
    def times(self, count: int) -> Generator[None]:
        """What is walked within is done *count* times, each as the first one."""
        before = self._times
        self._times = before * count
        try:
            yield
        finally:
            self._times = before

    # --- operations -------------------------------------------------------------------------------

    def linear(self, values: Values, outputs: int) -> Values:
        self.count(Linear(values.rows, values.width, outputs))
        return self.new(values.rows, outputs)

    def convolution(
        self, values: Values, outputs: int, kernel: int, *, rows: int | None = None, groups: int = 1
    ) -> Values:
        """*kernel*: taps. *rows*: positions of the output, if they are not those of the input."""
        rows = values.rows if rows is None else rows
        self.count(Convolution(rows, values.width // groups, outputs, kernel))
        return self.new(rows, outputs)

    def attention(
        self, query: Values, key: Values, *, batch: int, heads: int, causal: bool = False
    ) -> Values:
        """Scaled dot product, whose scores stay in the caches. *query*, *key*: all heads side by side.

        *causal*: no token looks at those after it, which leaves half of the work.
        """
        keys = key.rows // batch
        seen = (keys + 1) // 2 if causal else keys
        self.count(Attention(batch * heads, query.rows // batch, seen, query.width // heads))
        self.scores(batch * heads, query.rows // batch * keys)
        return self.new(query.rows, query.width)

    def scores(self, heads: int, each: int) -> None:
        """Here attention has *each* scores for every one of *heads*, if it writes them out."""
        self._eager = max(self._eager, self.live + COPIES * heads * each)
        self._sliced = max(self._sliced, self.live + COPIES * each)

    def pointwise(self, values: Values, width: int | None = None, *, calls: int = 1) -> Values:
        """A norm, an activation, a sum, a copy. *calls*: operations of which only the last result stays."""
        width = values.width if width is None else width
        self.count(Pointwise(values.rows * width), calls)
        return self.new(values.rows, width)

    def resize(self, values: Values, rows: int) -> Values:
        """Nearest neighbours: *rows* positions."""
        self.count(Pointwise(rows * values.width))
        return self.new(rows, values.width)

    def count(self, op: Op, times: int = 1, *, calls: int | None = None) -> None:
        """*op* alone, *times* over: its result is told of elsewhere. *calls*, if they are not as many."""
        self._tally.add(op, times * self._times)
        self._calls += (times if calls is None else calls) * self._times
