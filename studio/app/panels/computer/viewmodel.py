"""What Computer knows: facts of the machine, figures as they move, what it can do, what was measured."""

from __future__ import annotations

import asyncio
import importlib
import logging
from collections import deque
from typing import Any

from studio.app.background import Background
from studio.app.desk import Desk
from studio.app.observable import Property
from studio.app.panels import makers
from studio.domain.ability import Ability
from studio.domain.failure import Failure, StudioError
from studio.domain.job import JobState
from studio.domain.machine import Machine, preferred
from studio.domain.measurement import Measurements
from studio.services.hardware import Upgrade
from studio.services.machine.meter import Figures, Meter
from studio.services.measurements import stale
from studio.services.measuring import MeasuringState

log = logging.getLogger(__name__)

LIVE_SECONDS = 1.0
HISTORY = 60  # readings


class ComputerModel:
    """`history`: the last readings, the newest at its end. `charts`: what draws them is imported.

    `checking`: the engine tries what it can use; `tried`: it has. `failure`: why that cannot be said.
    `measured`: of the device that "auto" leads to; `outdated`: with another build, or on another computer.
    """

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._studio = studio = desk.studio
        self.machine: Property[Machine | None] = Property(None)
        self.history: Property[tuple[Figures, ...]] = Property(())
        self.charts: Property[bool] = Property(False)
        self.tried: Property[bool] = Property(False)
        self.checking: Property[bool] = Property(False)
        self.failure: Property[Failure | None] = Property(None)
        self.upgrades: Property[tuple[Upgrade, ...]] = Property(())
        self.abilities: Property[tuple[Ability, ...]] = Property(())
        self.measuring: Property[MeasuringState] = Property(studio.measuring.state)
        self.measured: Property[Measurements | None] = Property(None)
        self.outdated: Property[bool] = Property(False)
        self._background = Background("Computer")
        self._metering: asyncio.Future[Any] | None = None
        self._ends = [
            studio.planner.changed.connect(lambda _: self.judge()),
            studio.library.changed.connect(lambda _: self.judge()),
            studio.measuring.changed.connect(self._measures),
        ]
        self._background.start(self._read())
        self._background.start(self._load_charts())

    def close(self) -> None:
        for end in self._ends:
            end()
        self._background.close()

    @property
    def at_work(self) -> bool:
        """Does a job run, which freeing the memory would stop?"""
        return any(job.state is JobState.RUNNING for job in self._studio.queue.jobs)

    def watch_live(self, on: bool) -> None:
        """Read once a second while somebody looks; what was seen before is another minute's."""
        if on and self._metering is None:
            self.history.value = ()
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

    def measure(self) -> None:
        self._studio.measuring.start()

    def stop_measuring(self) -> None:
        self._studio.measuring.stop()

    def judge(self) -> None:
        """What can be done, as far as it is known now."""
        machine = self.machine.value
        if machine is None:
            return
        self.abilities.value = tuple(self._studio.abilities().values())
        self.upgrades.value = tuple(self._studio.upgrades())
        card = preferred(machine)
        measured = self._studio.measurements.load(card.device if card and card.device else "cpu", machine)
        self.measured.value = measured
        self.outdated.value = measured is not None and stale(measured, machine)

    def panel_of(self, task: str) -> str:
        """The panel that makes *task*, "models" where none does."""
        return next((key for key, makes in makers() if makes == task), "models")

    def _measures(self, state: MeasuringState) -> None:
        self.measuring.value = state

    async def _read(self) -> None:
        self.machine.value = await self._studio.read_machine()
        self.judge()

    async def _load_charts(self) -> None:
        """In a thread: it takes a third of a second, numpy is in it."""
        await asyncio.to_thread(importlib.import_module, "pyqtgraph")
        self.charts.value = True

    async def _meter(self) -> None:
        meter, readings = Meter(), deque[Figures](maxlen=HISTORY)
        while True:
            readings.append(await asyncio.to_thread(meter.read, self._studio.engine.pid))
            self.history.value = tuple(readings)
            await asyncio.sleep(LIVE_SECONDS)

    async def _check(self) -> None:
        self.failure.value = None
        try:
            self.machine.value = await self._studio.try_devices()
            self.tried.value = True
            self.judge()
        except StudioError as error:
            self.failure.value = error.failure
        finally:
            self.checking.value = False
