"""Times pieces of work on one device, within a budget, until the user stops it."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

LEAST, MOST = 3, 15  # timed runs of one point
POINT_SECONDS = 0.1  # after so much no further run is added to the least
SHORTEST = 0.001  # seconds; what takes less is timed several calls at once
MOST_CALLS = 500

Sizes = TypeVar("Sizes", bound=tuple[Any, ...])


class Bench:
    """One run of the benchmark; families get it too, for figures of their own.

    `folder`: an empty one for files that may be large. `shares`: the sections and how the time is to be
    divided among them; what one leaves over goes to those after it. `skipped`: points that there was
    no time for, `absent`: what this device or build cannot do, with the reason.
    """

    def __init__(
        self,
        *,
        device: str,
        threads: int,
        folder: Path,
        seconds: float,
        shares: dict[str, float],
        check: Callable[[], None],
        progress: Callable[[str, float], None],
    ) -> None:
        self.device = device
        self.threads = threads
        self.folder = folder
        self.skipped: list[str] = []
        self.absent: dict[str, str] = {}
        self.taken: dict[str, float] = {}
        self._check = check
        self._progress = progress
        self._shares = shares
        self._waiting = dict(shares)
        self._section = ""
        self._began = self._entered = time.perf_counter()
        self._end = self._began + seconds
        self._deadline = self._end

    def check_cancelled(self) -> None:
        """Raises Cancelled when the user has stopped it."""
        self._check()

    def enter(self, section: str) -> None:
        """The next section begins: its share of the time that is left is its own."""
        self.check_cancelled()
        self.leave()
        share = self._waiting.pop(section)
        rest = share + sum(self._waiting.values())
        self._section, self._entered = section, time.perf_counter()
        self._deadline = self._entered + max(0.0, self._end - self._entered) * share / rest
        self._progress(section, 1 - rest / sum(self._shares.values()))

    @contextmanager
    def part(self, share: float) -> Iterator[None]:
        """Within it, `left` is only this *share*, 0..1, of what is left."""
        whole = self._deadline
        self._deadline = time.perf_counter() + max(0.0, self.left) * share
        try:
            yield
        finally:
            self._deadline = whole

    def leave(self) -> None:
        """The section that is under way, if any, has ended."""
        if self._section:
            self.taken[self._section] = time.perf_counter() - self._entered
        self._section = ""

    @property
    def left(self) -> float:
        """Seconds that this section still has; negative when it is over them."""
        return self._deadline - time.perf_counter()

    @property
    def elapsed(self) -> float:
        """Seconds since the benchmark began."""
        return time.perf_counter() - self._began

    def skip(self, what: str, *sizes: object) -> None:
        """Note that there was no time for a point."""
        self.skipped.append(" ".join(map(str, (what, *sizes))))

    def synchronize(self) -> None:
        """Wait until the device has done what it was told."""
        kind = self.device.partition(":")[0]
        if kind == "cpu":
            return
        module = getattr(sys.modules["torch"], kind)
        if kind == "mps":
            module.synchronize()
        else:
            module.synchronize(self.device)

    def seconds(self, run: Callable[[], object]) -> float:
        """Seconds of one *run* in the steady state; the first, which prepares, is not counted.

        Of several runs the quarter that was quickest decides: what else the computer does only ever adds.
        When the section's time is over, one run must do.
        """
        self._time(run, 1)
        once = self._time(run, 1)
        calls = min(MOST_CALLS, max(1, math.ceil(SHORTEST / max(once, 1e-9))))
        times = [once] if calls == 1 else []
        began = time.perf_counter()
        while len(times) < LEAST or (time.perf_counter() - began < POINT_SECONDS and len(times) < MOST):
            if times and self.left < 0:
                break
            times.append(self._time(run, calls) / calls)
        return sorted(times)[len(times) // 4]

    def _time(self, run: Callable[[], object], calls: int) -> float:
        self.check_cancelled()
        self.synchronize()
        began = time.perf_counter()
        for _ in range(calls):
            run()
        self.synchronize()
        return time.perf_counter() - began

    def series(
        self,
        what: str,
        points: Iterable[Sizes],
        units: Callable[[Sizes], float],
        make: Callable[[Sizes], Callable[[], object]],
    ) -> list[tuple[Sizes, float]]:
        """The sizes and the seconds of one unit for each of *points*, the smallest work first.

        The first is measured in any case; one that would take more than this section has left, judged by
        the one before, is skipped.
        """
        found: list[tuple[Sizes, float]] = []
        rate = 0.0
        for sizes in sorted(points, key=units):
            if found and self.left < (LEAST + 1) * units(sizes) * rate:
                self.skip(what, *sizes)
                continue
            rate = self.seconds(make(sizes)) / units(sizes)
            found.append((sizes, rate))
        return found
