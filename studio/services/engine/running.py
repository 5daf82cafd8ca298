"""A job that the engine works on, as far as its supervisor must know it."""

from __future__ import annotations

import asyncio
import statistics
from collections import deque
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from studio.domain.job import Outcome
from studio.domain.measurement import Measurements
from studio.services.engine.client import Client
from studio.wire import messages as wire
from studio.wire.messages import FromEngine

Heard = Callable[[FromEngine, bytes], None]


class Limits(Struct, frozen=True, kw_only=True):
    """How long what may take, in seconds. Generous: a slow computer is not a broken one.

    `start_delays`: before each attempt to start. `crash_delays`: before the start that follows so many
    crashes in a row. `missed_pings` unanswered ones in a row mean that it hangs; while it loads it
    may be silent, but not without using the processor for `idle_load`.
    """

    ready: float = 90
    start_delays: tuple[float, ...] = (0, 1, 4)
    crash_delays: tuple[float, ...] = (0, 0, 1, 2, 4, 8)
    ping: float = 5
    missed_pings: int = 24
    idle_load: float = 300
    cancel: float = 5
    cancel_load: float = 2
    leave: float = 3


class Running:
    """A job or a measurement. `end` becomes its outcome, or why there is none. `client` is whom it was sent
    to, None before."""

    def __init__(
        self, message: wire.Run | wire.Measure, heard: Heard, step_seconds: float | None = None
    ) -> None:
        self.message = message
        self.heard = heard
        self.end: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.client: Client | None = None
        self.phase: str | None = None
        self.started = self.cancelling = False
        self.steps: deque[float] = deque([step_seconds] if step_seconds else [], maxlen=9)

    @property
    def loading(self) -> bool:
        """From here on native code may hold the interpreter, so that nothing is heard."""
        return self.started and self.phase in (None, "load")

    def patience(self, limits: Limits) -> float:
        """Seconds that it may take to stop when asked."""
        if not self.started or self.loading or isinstance(self.message, wire.Measure):
            return limits.cancel_load
        return max(limits.cancel, 2 * statistics.median(self.steps) if self.steps else 0.0)

    def follow(self, message: FromEngine) -> None:
        if isinstance(message, wire.Started):
            self.started = True
        elif isinstance(message, wire.PhaseProgress):
            self.phase = message.phase
            if message.step_seconds is not None:
                self.steps.append(message.step_seconds)

    def finish(self, result: Outcome | Measurements | BaseException) -> None:
        if self.end.done():
            return
        if isinstance(result, BaseException):
            self.end.set_exception(result)
        else:
            self.end.set_result(result)
