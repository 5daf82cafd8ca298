"""Feeds the strip at the bottom of the window from the running studio."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from studio.app.strip_model import MemoryUse, RunningJob, StripModel, WaitingJob
from studio.domain.job import Job, JobState
from studio.domain.text import t

if TYPE_CHECKING:
    from studio.services.studio import Studio

TITLE = 60
ICONS = {"text": "write", "image": "draw", "speech": "speak", "music": "music"}
ACTIVE = (JobState.RUNNING, JobState.CANCELLING)


def title_of(job: Job) -> str:
    """A job's name for people: its prompt's first words, else what it makes."""
    words = " ".join(job.request.prompt.split())
    return words[:TITLE] if words else t(f"task.{job.request.task}")


def icon_of(job: Job) -> str:
    return ICONS.get(job.request.task, "file")


class StripFeed:
    """Keeps *strip* true while the studio runs; `close` ends that."""

    def __init__(self, studio: Studio, strip: StripModel) -> None:
        self._studio = studio
        self._strip = strip
        self._ends: list[Callable[[], None]] = [
            studio.queue.changed.connect(lambda _: self._jobs()),
            studio.settings.changed.connect(lambda _: self._offline()),
            studio.downloads.changed.connect(lambda _: self._traffic()),
        ]
        strip.stop_requested.connect(self._stop)
        self._offline()
        self._jobs()

    def close(self) -> None:
        for end in self._ends:
            end()

    def show_memory(self, used: float, total: float) -> None:
        """Bytes of the whole computer."""
        self._strip.memory.value = MemoryUse(used, total)

    def _stop(self, job: str) -> None:
        if any(job == known.id for known in self._studio.queue.jobs):
            self._studio.queue.cancel(job)

    def _offline(self) -> None:
        self._strip.offline.value = self._studio.offline

    def _traffic(self) -> None:
        states = self._studio.downloads.states.values()
        self._strip.traffic.value = sum(state.bytes_per_second or 0.0 for state in states)

    def _jobs(self) -> None:
        jobs = self._studio.queue.jobs
        running = [job for job in jobs if job.state in ACTIVE]
        waiting = [job for job in jobs if job.state is JobState.WAITING]
        self._strip.running.value = running_job(running[0], beside=len(running) - 1) if running else None
        self._strip.waiting.value = tuple(WaitingJob(job.id, title_of(job), icon_of(job)) for job in waiting)
        self._strip.waiting_seconds.value = self._studio.queue.remaining() if waiting else None


def running_job(job: Job, *, beside: int = 0) -> RunningJob:
    """What is shown of a job that runs."""
    progress = job.progress
    stopping = job.state is JobState.CANCELLING
    known = RunningJob(job.id, title_of(job), icon_of(job), stopping=stopping, beside=beside)
    if progress is None:
        return known
    return RunningJob(
        job.id,
        known.title,
        known.icon,
        phase=f"phase.{progress.phase}",
        step=progress.step,
        steps=progress.steps,
        fraction=progress.fraction,
        remaining=progress.remaining,
        stopping=stopping,
        beside=beside,
    )
