"""The queue as a person sees it: what runs, waits, was kept from last time, and has ended. No widgets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from studio.app.desk import Desk
from studio.app.elsewhere import Elsewhere, elsewhere
from studio.app.observable import Property
from studio.app.strip_feed import ACTIVE, icon_of, running_job, title_of
from studio.app.strip_model import RunningJob, WaitingJob
from studio.domain.failure import Failure, StudioError
from studio.domain.job import Job, JobState

MOST = 60  # of each list with buttons; the others are counted


class EndedJob(Struct, frozen=True, kw_only=True):
    """`took`: seconds, None when it never ran. `result`: the first file that it made. `elsewhere`: where else
    it can run, when its device was not there.
    """

    id: str
    title: str
    icon: str
    state: JobState
    took: float | None = None
    failure: Failure | None = None
    result: Path | None = None
    results: int = 0
    elsewhere: Elsewhere | None = None


class QueueViewModel:
    """`held` and `ended` are at most `MOST` long, `held_count` and `ended_count` say how many there are;
    the last to end comes first. `seconds` until all that waits is done, None when unknown.
    `chosen`: the id of the waiting job to act on, "" for none.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._queue = desk.studio.queue
        self.running: Property[tuple[RunningJob, ...]] = Property(())
        self.waiting: Property[tuple[WaitingJob, ...]] = Property(())
        self.seconds: Property[float | None] = Property(None)
        self.held: Property[tuple[WaitingJob, ...]] = Property(())
        self.held_count: Property[int] = Property(0)
        self.ended: Property[tuple[EndedJob, ...]] = Property(())
        self.ended_count: Property[int] = Property(0)
        self.chosen: Property[str] = Property("")
        self._end = self._queue.changed.connect(lambda _: self._read())
        self._read()

    def close(self) -> None:
        self._end()

    def _read(self) -> None:
        jobs = self._queue.jobs
        running = tuple(running_job(job) for job in jobs if job.state in ACTIVE)
        waiting = tuple(_waiting(job) for job in jobs if job.state is JobState.WAITING)
        held = [job for job in jobs if job.state is JobState.HELD]
        ended = [job for job in jobs if job.state.ended]
        self.seconds.value = self._queue.remaining() if running or waiting else None
        self.running.value = running
        if all(job.id != self.chosen.value for job in waiting):
            self.chosen.value = ""
        self.waiting.value = waiting
        self.held_count.value = len(held)
        self.held.value = tuple(_waiting(job) for job in held[:MOST])
        self.ended_count.value = len(ended)
        self.ended.value = tuple(self._as_ended(job) for job in reversed(ended[-MOST:]))

    def _as_ended(self, job: Job) -> EndedJob:
        ran = job.started is not None and job.ended is not None
        return EndedJob(
            id=job.id,
            title=title_of(job),
            icon=icon_of(job),
            state=job.state,
            took=job.ended - job.started if ran and job.ended and job.started else None,
            failure=job.failure,
            result=Path(job.artifacts[0].path) if job.artifacts else None,
            results=len(job.artifacts),
            elsewhere=elsewhere(self._desk.studio, job.failure),
        )

    # --- what waits -------------------------------------------------------------------------------

    def place(self, job: str) -> int | None:
        """Of a waiting job; 0 is next."""
        return next((place for place, each in enumerate(self.waiting.value) if each.id == job), None)

    def move(self, job: str, place: int) -> None:
        """To *place* among those that wait; one that has begun meanwhile stays as it is."""
        if self.place(job) is not None:
            self._queue.move(job, place)

    def shift(self, job: str, by: int) -> None:
        """Sooner (-1) or later (1)."""
        place = self.place(job)
        if place is not None and 0 <= place + by < len(self.waiting.value):
            self._queue.move(job, place + by)

    def cancel(self, job: str) -> None:
        """Stop it or drop it; the next one that waits is then the chosen one."""
        place = self.place(job)
        if any(job == known.id for known in self._queue.jobs):
            self._queue.cancel(job)
        if place is not None and self.waiting.value:
            self.chosen.value = self.waiting.value[min(place, len(self.waiting.value) - 1)].id

    def cancel_all(self) -> None:
        self._queue.cancel_all()

    # --- what is kept, what has ended ------------------------------------------------------------

    def resume(self, job: str) -> None:
        self._try(lambda: self._queue.resume(job))

    def resume_all(self) -> None:
        self._try(self._queue.resume_all)

    def forget(self, job: str) -> None:
        self._try(lambda: self._queue.forget(job))

    def forget_held(self) -> None:
        """Forget everything that was kept from last time."""
        for job in self._queue.jobs:
            if job.state is JobState.HELD:
                self._queue.forget(job.id)

    def retry(self, job: str, device: str = "") -> None:
        """As it was; *device*: there instead."""
        self._try(lambda: self._queue.retry(job, device=device))

    def open_result(self, job: EndedJob) -> None:
        if job.result is not None:
            self._desk.open_result(job.result)

    def clear_ended(self) -> None:
        self._queue.clear_ended()

    def _try(self, action: Callable[[], object]) -> None:
        try:
            action()
        except StudioError as error:
            self._desk.complain(error.failure)
        except (KeyError, ValueError):
            self._read()  # the list was older than the queue


def _waiting(job: Job) -> WaitingJob:
    return WaitingJob(job.id, title_of(job), icon_of(job))
