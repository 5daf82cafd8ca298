"""From what the engine says of a phase to how far the whole job is and how long it still takes.

Fractions never fall. The remaining time is None until it can be said truthfully, is never negative,
and climbs only when the work has really become slower.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

from studio.domain.job import Progress
from studio.wire.messages import PhaseProgress

WINDOW = 24  # reports from which the present speed is taken
MOST = 0.95  # of a phase whose own progress is unknown: it may take longer than usual
LOST_SECONDS = 0.3  # the engine drops what it reports in the last moments of a phase
CLIMB, CLIMB_SECONDS = 1.25, 2.0  # less than this is noise


class _Phase:
    """What is known of one phase. Progress in `units`: steps where there are some, else fractions."""

    def __init__(self) -> None:
        self.seconds = 0.0  # of earlier visits
        self.entered: float | None = None
        self.fraction: float | None = None
        self.left_behind = False
        self.total = 1.0
        self.reports: deque[tuple[float, float]] = deque(maxlen=WINDOW)

    def elapsed(self, now: float) -> float:
        return self.seconds + (now - self.entered if self.entered is not None else 0.0)

    def report(self, message: PhaseProgress, now: float) -> None:
        if message.fraction is None:
            return
        self.fraction = min(max(message.fraction, self.fraction or 0.0), 1.0)
        total = float(message.steps or 1)
        done = float(message.step) if message.steps else self.fraction
        if total != self.total or (self.reports and done < self.reports[-1][1]):
            self.reports.clear()
            self.total = total
        if done > 0 and (not self.reports or done > self.reports[-1][1]):
            self.reports.append((now, done))

    def leave(self, now: float) -> None:
        self.seconds, self.entered = self.elapsed(now), None
        self.left_behind = True
        if self.fraction and self.seconds * (1 - self.fraction) / self.fraction <= LOST_SECONDS:
            self.fraction = 1.0
        self.reports.clear()

    def unit(self) -> float | None:
        """Seconds for one unit at the present speed; None before there is one."""
        if len(self.reports) < 2:
            return None
        (first, from_), (last, to) = self.reports[0], self.reports[-1]
        if last <= first or (self.total == 1.0 and to - from_ < 0.02):
            return None
        return (last - first) / (to - from_)

    def done(self, now: float) -> float | None:
        """How much is done, 0..1, going on evenly inside a step; None when unknown."""
        unit = self.unit() if self.total > 1 else None
        if self.fraction is None or unit is None:
            return self.fraction
        inside = min((now - self.reports[-1][0]) / unit, MOST)
        return min(self.fraction + inside / self.total, 1.0)

    def left(self, now: float) -> float | None:
        """Seconds that it still takes at its present speed; None before there is one."""
        unit = self.unit()
        if unit is None:
            return None
        last, to = self.reports[-1]
        missing = self.total - to
        # The step that is under way may be late; what comes after it is not nearer for that.
        after = max(missing - 1, 0.0) if self.total > 1 else 0.0
        return max(missing * unit - (now - last), after * unit, 0.0)


class Tracker:
    """One job's. *weights*: the family's phases in order, with their shares of the time.

    *learnt*: usual seconds of each phase here, None on a first run. *open_ended*: it may end long before
    its last step, as a text does.
    """

    def __init__(
        self,
        weights: dict[str, float],
        learnt: dict[str, float] | None = None,
        *,
        open_ended: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._learnt = learnt
        self._open_ended = open_ended
        self._shares = dict(weights)
        if learnt and sum(learnt.get(name, 0.0) for name in weights) > 0:
            self._shares = {name: learnt.get(name, 0.0) for name in weights}
        self._main = max(weights, key=lambda name: weights[name], default="")
        self._phases = {name: _Phase() for name in weights}
        self._last: PhaseProgress | None = None
        self._heard_fraction = learnt is not None
        self._fraction = 0.0
        self._shown: float | None = None

    def hear(self, message: PhaseProgress) -> None:
        """Take in one report of the engine."""
        now = self._clock()
        if self._last is None or self._last.phase != message.phase:
            if self._last is not None:
                self._phases[self._last.phase].leave(now)
            phase = self._phases.setdefault(message.phase, _Phase())
            self._shares.setdefault(message.phase, 0.0)
            phase.entered = now
        self._phases[message.phase].report(message, now)
        self._heard_fraction |= message.fraction is not None
        self._last = message

    def progress(self) -> Progress | None:
        """How it stands now; None before the first report."""
        if self._last is None:
            return None
        now = self._clock()
        total = sum(self._shares.values())
        if total > 0:
            done = sum(share * self._done(name, now) for name, share in self._shares.items())
            self._fraction = max(self._fraction, min(done / total, 1.0))
        self._show(self._remaining(now))
        return Progress(
            phase=self._last.phase,
            fraction=self._fraction if self._heard_fraction else None,
            step=self._last.step,
            steps=self._last.steps,
            remaining=self._shown,
        )

    def _done(self, name: str, now: float) -> float:
        """How much of a phase is done, 0..1."""
        phase = self._phases[name]
        current = self._last.phase if self._last is not None else ""
        done = phase.done(now)
        if done is not None:
            return done
        if name == current:
            usual = self._usual(name, now)
            return min(phase.elapsed(now) / usual, MOST) if usual else 0.0
        order = list(self._phases)
        return 1.0 if phase.left_behind or order.index(name) < order.index(current) else 0.0

    def _usual(self, name: str, now: float) -> float | None:
        """Seconds that a phase takes in all: learnt, else by its share from the main one's present speed."""
        if self._learnt is not None:
            return self._learnt.get(name, 0.0)
        main = self._phases.get(self._main)
        share = self._shares.get(self._main, 0.0)
        if main is None or share <= 0:
            return None
        left = 0.0 if main.fraction == 1.0 else main.left(now)
        if left is None or main.fraction is None:
            return None
        return (main.elapsed(now) + left) * self._shares.get(name, 0.0) / share

    def _remaining(self, now: float) -> float | None:
        left = 0.0
        for name in self._phases:
            if self._last is not None and name == self._last.phase:
                part = self._left_of_current(name, now)
            else:
                missing = 1 - self._done(name, now)
                usual = self._usual(name, now) if missing else 0.0
                part = None if usual is None else missing * usual
            if part is None:
                return None
            left += part
        return left

    def _left_of_current(self, name: str, now: float) -> float | None:
        phase = self._phases[name]
        present = phase.left(now)
        usual = self._usual(name, now)
        rest = None if usual is None else usual - phase.elapsed(now)
        if self._open_ended and name == self._main:
            # At its present speed it would take so long at most; usually it ends earlier.
            if self._learnt is None or rest is None or rest <= 0:
                return None
            return rest if present is None else min(rest, present)
        if present is not None:
            return present
        return None if rest is None else max(rest, 0.0)

    def _show(self, remaining: float | None) -> None:
        shown = self._shown
        if remaining is not None and shown is not None and remaining > shown:
            really_slower = remaining > CLIMB * shown + CLIMB_SECONDS
            remaining = remaining if really_slower else shown
        self._shown = remaining
