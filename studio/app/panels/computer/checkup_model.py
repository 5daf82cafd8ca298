"""What the check-up knows: the last diagnosis, and whether the studio looks or mends just now."""

from __future__ import annotations

import asyncio

from studio.app.background import Background
from studio.app.observable import Property
from studio.domain.diagnosis import Diagnosis
from studio.domain.failure import Cancelled, Failure, StudioError
from studio.domain.job import JobState
from studio.services import doctor
from studio.services.studio import Studio


class CheckupModel:
    """`busy`: it looks or mends. `progress`: of what is being mended, 0..1, None where that is quick.

    `failure`: why something could not be mended.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._background = Background("Check-up")
        self.diagnosis: Property[Diagnosis | None] = Property(None)
        self.busy: Property[bool] = Property(False)
        self.progress: Property[float | None] = Property(None)
        self.failure: Property[Failure | None] = Property(None)

    def close(self) -> None:
        self._background.close()

    @property
    def at_work(self) -> bool:
        """Does a job run, which freeing the memory would stop?"""
        return any(job.state is JobState.RUNNING for job in self._studio.queue.jobs)

    def look(self, *, ask_network: bool = False) -> None:
        """Check everything, beside the window."""
        if not self.busy.value:
            self.busy.value = True
            self._background.start(self._look(ask_network))

    def mend(self, action: str) -> None:
        """Do *action*, one of the doctor's, and look again."""
        if not self.busy.value:
            self.busy.value = True
            self._background.start(self._mend(action))

    async def report(self) -> str:
        """The last diagnosis as a text that names nobody; empty before there is one."""
        found = self.diagnosis.value
        if found is None:
            return ""
        return await asyncio.to_thread(doctor.report, found, self._studio.machine)

    async def _look(self, ask_network: bool) -> None:
        try:
            self.diagnosis.value = await doctor.examine(self._studio, ask_network=ask_network)
        finally:
            self.busy.value = False

    async def _mend(self, action: str) -> None:
        self.failure.value = None
        try:
            await doctor.fix(self._studio, action, self._heard)
        except StudioError as error:
            self.failure.value = error.failure
        except Cancelled:  # a job came first
            pass
        finally:
            self.progress.value = None
            self.busy.value = False
        self.look()

    def _heard(self, _section: str, done: float) -> None:
        self.progress.value = done
