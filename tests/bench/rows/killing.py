"""`kill -9` of the engine in the middle of a job: the window answers, the job says why, the next one runs."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from pathlib import Path

from studio.app.frame import Frame
from studio.domain.job import JobState
from studio.domain.request import Request
from studio.services.studio import Studio
from tests.bench import lateness, models, window
from tests.bench.table import Row, judge

BAR = 200.0  # milliseconds
WATCHED_SECONDS = 3.0  # from the kill on


def measure(short: bool) -> list[Row]:
    times = 1 if short else 5
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        late, reason, next_one = window.run(
            Path(home), lambda studio, frame: _kill_often(studio, frame, times)
        )
    worst = [ours.worst for ours, _ in late]
    bar = lateness.bar(BAR, max(control.worst for _, control in late))
    good = reason.startswith("engine.") and next_one is JobState.DONE
    return [
        Row(
            "the window after kill -9 of the engine at work",
            f"≤ {bar:.0f} ms",
            f"{max(worst):.0f} ms; job: {reason}; next: {next_one}",
            f"{min(worst):.0f} to {max(worst):.0f} ms in {times}",
            judge(max(worst), bar, short=short) if good else "missed",
        )
    ]


async def _kill_often(
    studio: Studio, frame: Frame, times: int
) -> tuple[list[tuple[lateness.Lateness, lateness.Lateness]], str, JobState]:
    frame.window.go("draw")
    late, reason = [], ""
    for _ in range(times):
        with lateness.control() as control:
            watch = lateness.Watch()
            reason = await _kill(studio)
            ours = watch.stop()
        late.append((ours, control))
    job = await studio.queue.wait(studio.queue.submit(_request(steps=4)).id)
    return late, reason, job.state


async def _kill(studio: Studio) -> str:
    """The code of the failure that the job ended with; "" for none."""
    job = studio.queue.submit(_request(steps=150))
    while (progress := studio.queue.job(job.id).progress) is None or progress.phase != "denoise":
        await asyncio.sleep(0.05)
        if studio.queue.job(job.id).state.ended:
            break
    pid = studio.engine.pid
    if pid is not None:
        os.kill(pid, signal.SIGKILL)
    await asyncio.sleep(WATCHED_SECONDS)
    ended = await studio.queue.wait(job.id)
    return ended.failure.code if ended.failure else ""


def _request(steps: int) -> Request:
    values = {"prompt": "a red apple", "size": (64, 64), "steps": steps}
    return Request(task="image", family="", model=str(models.ICONS), values=values)
