"""How late the window's event loop is while the queue works and somebody looks around.

A picture of 64 pixels with previews, one from a model of Stable Diffusion's size and a long text run
one after another on all cores, while panels are switched and everything that scrolls is scrolled.
"""

from __future__ import annotations

import asyncio
import itertools
import tempfile
from pathlib import Path

import numpy as np
import psutil
from PIL import Image
from PySide6.QtWidgets import QAbstractScrollArea

from studio.app.frame import Frame
from studio.domain.job import JobState
from studio.domain.request import Request
from studio.services.paths import Paths
from studio.services.studio import Studio
from tests.bench import lateness, models, window
from tests.bench.table import Row, judge

P99, WORST = 16.0, 100.0  # milliseconds
PICTURES = 300
SWITCH_SECONDS = 0.4
SCROLL_SECONDS = 0.02


def measure(short: bool) -> list[Row]:
    models.stable_diffusion()
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        _fill(Paths.under(Path(home)).outputs)
        ours, control = window.run(Path(home), lambda studio, frame: _watched(studio, frame, short=short))
    rows = []
    for name, figure, mine, bare in (
        ("p99", P99, ours.percentile(0.99), control.percentile(0.99)),
        ("worst", WORST, ours.worst, control.worst),
    ):
        bar = lateness.bar(figure, bare)
        rows.append(
            Row(
                f"event loop lateness while working, {name}",
                f"≤ {bar:.0f} ms",
                f"{mine:.1f} ms",
                f"bare loop {bare:.1f} ms; {len(ours.late)} turns",
                judge(mine, bar, short=short),
            )
        )
    return rows


def _fill(outputs: Path) -> None:
    """Pictures for the gallery, each another."""
    folder = outputs / "2026-01-01"
    folder.mkdir(parents=True)
    noise = np.random.default_rng(0)
    for number in range(PICTURES):
        pixels = noise.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((256, 256), Image.Resampling.BICUBIC).save(folder / f"{number:04}.png")


async def _watched(
    studio: Studio, frame: Frame, *, short: bool
) -> tuple[lateness.Lateness, lateness.Lateness]:
    await window.start_engine(studio)
    for key in window.panels(frame):  # their first showing is not what is measured
        frame.window.go(key)
        await asyncio.sleep(SWITCH_SECONDS)
    with lateness.control() as control:
        watch = lateness.Watch()
        looking = asyncio.ensure_future(_look_around(frame))
        jobs = [studio.queue.submit(request).id for request in _requests(short=short)]
        ended = [await studio.queue.wait(job) for job in jobs]
        looking.cancel()
        await asyncio.wait({looking})
        ours = watch.stop()
    broken = [job.failure for job in ended if job.state is not JobState.DONE]
    if broken:
        raise RuntimeError(f"a job did not end well: {broken}")
    if not looking.cancelled():
        looking.result()
    return ours, control


def _requests(*, short: bool) -> list[Request]:
    busy = psutil.cpu_count() or 1
    picture = {"prompt": "a red apple", "seed": 1}
    large = {"size": (256, 256), "steps": 1 if short else 4}
    return [
        Request(task="image", family="", model=str(model), values=values, threads=busy)
        for model, values in (
            (models.ICONS, {**picture, "size": (64, 64), "steps": 30}),
            (models.stable_diffusion(), {**picture, **large}),
        )
    ] + [
        Request(
            task="text",
            family="",
            model=str(models.text()),
            values={"prompt": "Tell a very long story.", "max_tokens": 300 if short else 1000, "seed": 1},
            threads=busy,
        )
    ]


async def _look_around(frame: Frame) -> None:
    for key in itertools.cycle(window.panels(frame)):
        panel = frame.window.go(key)
        until = asyncio.get_running_loop().time() + SWITCH_SECONDS
        down = 0
        while asyncio.get_running_loop().time() < until:
            down += 40
            for area in panel.findChildren(QAbstractScrollArea):
                if area.isVisible():
                    bar = area.verticalScrollBar()
                    bar.setValue(down % (bar.maximum() + 1))
            await asyncio.sleep(SCROLL_SECONDS)
