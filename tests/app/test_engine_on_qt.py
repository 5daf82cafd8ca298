"""The queue and its engine on Qt's loop, as the window runs them: nothing stands still."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QTimer

from studio.domain.job import JobState
from tests.services.engines import desk_on, request


class Pulse:
    """How late Qt's own timer came at worst, in seconds."""

    def __init__(self) -> None:
        self.worst = 0.0
        self._last = time.perf_counter()
        self._timer = QTimer()
        self._timer.setInterval(5)
        self._timer.timeout.connect(self._beat)
        self._timer.start()

    def _beat(self) -> None:
        now = time.perf_counter()
        self.worst = max(self.worst, now - self._last)
        self._last = now

    def stop(self) -> float:
        self._timer.stop()
        return self.worst


@pytest.mark.logs
async def test_jobs_crashes_cancels_and_floods_of_frames(tmp_path: Path, qloop: Any) -> None:
    async with desk_on(tmp_path) as desk:
        pulse = Pulse()
        first = desk.queue.submit(request(text=["word "] * 2000, preview=True, save=True))
        done = await desk.queue.wait(first.id)
        assert done.state is JobState.DONE
        assert len(done.text) == 10_000

        flood = desk.queue.submit(request(fault="flood", at="draw"))  # 24 MB of previews, 8 MB of stderr
        after = desk.queue.submit(request(steps={"draw": 10_000}, second=0.01))
        failed = await desk.queue.wait(flood.id)
        assert failed.failure is not None
        assert failed.failure.code == "engine.crashed"
        await asyncio.sleep(0.3)
        desk.queue.cancel(after.id)
        assert (await desk.queue.wait(after.id)).state is JobState.CANCELLED
        worst = pulse.stop()
    assert worst < 2, f"Qt's loop stood still for {worst:.3f} s"
    print(f"worst pause of Qt's loop: {worst * 1000:.0f} ms")
