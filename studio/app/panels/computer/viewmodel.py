"""What Computer knows: the machine's facts, its figures as they move, and what the engine can use."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from studio.app.background import Background
from studio.app.observable import Property
from studio.domain.failure import Failure, StudioError
from studio.domain.job import JobState
from studio.domain.machine import Machine
from studio.services.machine.meter import Figures, Meter
from studio.services.studio import Studio

log = logging.getLogger(__name__)

LIVE_SECONDS = 1.0


class ComputerModel:
    """`checking`: the engine tries what it can use; `tried`: it has. `failure`: why that cannot be said."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self.machine: Property[Machine | None] = Property(None)
        self.figures: Property[Figures | None] = Property(None)
        self.tried: Property[bool] = Property(False)
        self.checking: Property[bool] = Property(False)
        self.failure: Property[Failure | None] = Property(None)
        self._background = Background("Computer")
        self._metering: asyncio.Future[Any] | None = None
        self._background.start(self._read())

    def close(self) -> None:
        self._background.close()

    @property
    def at_work(self) -> bool:
        """Does a job run, which freeing the memory would stop?"""
        return any(job.state is JobState.RUNNING for job in self._studio.queue.jobs)

    def watch_live(self, on: bool) -> None:
        """Measure once a second while somebody looks."""
        if on and self._metering is None:
            self._metering = self._background.start(self._meter())
        elif not on and self._metering is not None:
            self._metering.cancel()
            self._metering = None

    def check_devices(self) -> None:
        """Let the engine multiply a small matrix on every device."""
        if not self.checking.value:
            self.checking.value = True
            self._background.start(self._check())

    def free_memory(self) -> None:
        """End the engine and start a new one: every loaded model is gone for certain."""
        self._background.start(self._studio.engine.free_memory())

    async def _read(self) -> None:
        self.machine.value = await self._studio.read_machine()

    async def _meter(self) -> None:
        meter = Meter()
        while True:
            pid = self._studio.engine.pid
            self.figures.value = await asyncio.to_thread(meter.read, pid)
            await asyncio.sleep(LIVE_SECONDS)

    async def _check(self) -> None:
        self.failure.value = None
        try:
            self.machine.value = await self._studio.try_devices()
            self.tried.value = True
        except StudioError as error:
            self.failure.value = error.failure
        finally:
            self.checking.value = False
