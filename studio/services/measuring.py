"""The micro-benchmark as something that a window starts, watches and stops; one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum

import msgspec
from msgspec import Struct

from studio.domain.failure import Cancelled, Failure, StudioError
from studio.domain.measurement import Measurements
from studio.services.event import Event

FIRST = "load"  # the section that it begins with

Measure = Callable[[str, Callable[[str, float], None]], Awaitable[Measurements]]


class End(StrEnum):
    """How the last one ended. JOB: something that the user asked for came, and goes first.

    DOUBTFUL: done, while the computer was busy or hot.
    """

    NEVER = "never"
    DONE = "done"
    DOUBTFUL = "doubtful"
    STOPPED = "stopped"
    JOB = "job"
    FAILED = "failed"


class MeasuringState(Struct, frozen=True, kw_only=True):
    """`section` of the benchmark and the `fraction` of the whole that is done, 0..1."""

    running: bool = False
    section: str = FIRST
    fraction: float = 0.0
    end: End = End.NEVER
    failure: Failure | None = None


class Measuring:
    """*measure* is `Studio.measure`. `changed` carries the state."""

    def __init__(self, measure: Measure) -> None:
        self._measure = measure
        self._work: asyncio.Task[None] | None = None
        self._stopped = False
        self.state = MeasuringState()
        self.changed: Event[MeasuringState] = Event()

    def start(self, device: str = "auto") -> None:
        """Measure *device* unless something is measured already."""
        if not self.state.running:
            self._stopped = False
            self._set(MeasuringState(running=True))
            self._work = asyncio.ensure_future(self._run(device))

    def stop(self) -> None:
        """End it within seconds. Harmless when nothing is measured, and when repeated."""
        if self._work is not None and self.state.running and not self._stopped:
            self._stopped = True
            self._work.cancel()

    async def close(self) -> None:
        self.stop()
        if self._work is not None:
            await asyncio.wait({self._work})

    async def _run(self, device: str) -> None:
        end, failure = End.FAILED, None
        try:
            found = await self._measure(device, self._heard)
            end = End.DOUBTFUL if found.doubtful else End.DONE
        except Cancelled:
            end = End.JOB
        except asyncio.CancelledError:
            end = End.STOPPED
            if not self._stopped:  # the loop itself ends
                raise
        except StudioError as error:
            failure = error.failure
        except OSError as error:
            values = {"path": str(error.filename), "reason": error.strerror or str(error)}
            failure = Failure(code="output.unwritable", values=values)
        finally:
            self._set(MeasuringState(end=end, failure=failure))

    def _heard(self, section: str, fraction: float) -> None:
        self._set(msgspec.structs.replace(self.state, section=section, fraction=fraction))

    def _set(self, state: MeasuringState) -> None:
        self.state = state
        self.changed.emit(state)
