"""One studio for one command: started, one job followed to its end, closed."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Self, TypeVar

from rich.progress import BarColumn, Progress, TaskID, TextColumn

from studio.cli import terminal
from studio.domain.failure import Cancelled, StudioError
from studio.domain.job import Job, JobState
from studio.domain.quantity import duration
from studio.domain.request import Request
from studio.domain.text import t
from studio.services.studio import Studio
from studio.wire.messages import Notice, TextDelta

T = TypeVar("T")


def run_async(work: Coroutine[Any, Any, T]) -> T:
    """Run *work*; Ctrl+C and a request to end cancel it. Raises Cancelled then."""

    async def interruptible() -> T:
        task = asyncio.current_task()
        assert task
        if sys.platform != "win32":
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        return await work

    try:
        return asyncio.run(interruptible())
    except (asyncio.CancelledError, KeyboardInterrupt):
        raise Cancelled from None


@asynccontextmanager
async def open_studio(*, offline: bool) -> AsyncIterator[Studio]:
    """A running studio without a window."""
    studio = Studio.create(offline=offline)
    await studio.start()
    try:
        await studio.read_machine()  # plans need it
        yield studio
    finally:
        await studio.close()


async def follow(studio: Studio, request: Request, *, stream: bool = False, **options: Any) -> Job:
    """Submit *request* and show how it goes; *stream* writes text to stdout as it comes.

    Raises StudioError when the job fails, Cancelled when the user stops it, BrokenPipeError when
    nobody reads the text any more.
    """
    follower = Follower(studio, studio.queue.submit(request, **options), stream=stream)
    with follower:
        try:
            job = await studio.queue.wait(follower.job_id)
        except asyncio.CancelledError:
            studio.queue.cancel(follower.job_id)
            job = await studio.queue.wait(follower.job_id)
    if follower.broken:
        raise BrokenPipeError
    if job.state is not JobState.DONE:
        follower.end_line()
    if job.state is JobState.CANCELLED:
        raise Cancelled
    if job.failure:
        raise StudioError.of(job.failure)
    return job


class Follower:
    """Shows one job while it runs: its text on stdout, its progress on stderr if that is a terminal."""

    def __init__(self, studio: Studio, job: Job, *, stream: bool) -> None:
        self.job_id = job.id
        self.broken = False
        self._open_line = False
        self._studio = studio
        self._stream = stream
        self._bar = Bar()
        self._disconnects = [
            studio.queue.changed.connect(self._progress),
            studio.queue.text.connect(self._text),
            studio.queue.notice.connect(self._notice),
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for disconnect in self._disconnects:
            disconnect()
        self._bar.close()

    def _progress(self, job: Job) -> None:
        progress = job.progress
        if job.id != self.job_id or progress is None or (self._stream and job.text):
            return
        about = "" if progress.remaining is None else t("cli.about", time=duration(progress.remaining))
        self._bar.show(t(f"phase.{progress.phase}"), progress.fraction, about)

    def _text(self, delta: TextDelta) -> None:
        if delta.job != self.job_id or not self._stream or self.broken:
            return
        self._bar.close()
        try:
            sys.stdout.write(delta.text)
            sys.stdout.flush()
            self._open_line = not delta.text.endswith("\n")
        except BrokenPipeError:
            self.broken = True
            self._studio.queue.cancel(self.job_id)

    def end_line(self) -> None:
        """What is said next must not stand in the middle of the text."""
        if self._open_line:
            sys.stdout.write("\n")
            sys.stdout.flush()

    def _notice(self, notice: Notice) -> None:
        if notice.job == self.job_id:
            terminal.warn(t(notice.key, **notice.values))


class Bar:
    """A line on stderr that moves and then goes; nothing where stderr is no terminal."""

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._shown = sys.stderr.isatty()

    def show(self, title: str, fraction: float | None, words: str) -> None:
        """*fraction* of the whole, 0..1; None moves without an end."""
        if not self._shown:
            return
        if self._progress is None:
            columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[words]}"))
            self._progress = Progress(*columns, console=terminal.err(), transient=True)
            self._task = self._progress.add_task("", total=None, words="")
            self._progress.start()
        assert self._task is not None
        total = None if fraction is None else 1.0
        self._progress.update(
            self._task, description=title, total=total, completed=fraction or 0, words=words
        )

    def close(self) -> None:
        """Take the line away for good. Harmless when repeated."""
        self._shown = False
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
