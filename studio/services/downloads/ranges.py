"""Which bytes of a file there are: ranges from a start to before an end, sorted, none touching another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


class Ranges:
    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        self._ranges: list[tuple[int, int]] = []
        for start, end in ranges:
            self.add(start, end)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter(self._ranges)

    def add(self, start: int, end: int) -> None:
        """Join [start, end) to what is known; an empty range is nothing."""
        if end <= start:
            return
        apart: list[tuple[int, int]] = []
        for known in self._ranges:
            if known[1] < start or known[0] > end:
                apart.append(known)
            else:
                start, end = min(start, known[0]), max(end, known[1])
        self._ranges = sorted([*apart, (start, end)])

    @property
    def total(self) -> int:
        return sum(end - start for start, end in self._ranges)

    @property
    def prefix(self) -> int:
        """How many bytes there are from the beginning on without a gap."""
        return self._ranges[0][1] if self._ranges and self._ranges[0][0] == 0 else 0

    def first_gap(self, size: int | None) -> tuple[int, int | None]:
        """Where the first bytes are missing, in a file of *size* bytes; None: nobody knows."""
        after = [start for start, _ in self._ranges if start > self.prefix]
        return self.prefix, after[0] if after else size

    def within(self, size: int) -> Ranges:
        """What of it lies before *size*."""
        return Ranges((start, min(end, size)) for start, end in self._ranges)
