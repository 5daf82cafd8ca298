"""What is left of a model in memory: after "free memory now", and after unloading, again and again."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import psutil

from studio.app.frame import Frame
from studio.domain.job import JobState
from studio.domain.request import Request
from studio.services.studio import Studio
from studio.wire.messages import Unload
from tests.bench import engine, lateness, models, window
from tests.bench.table import Row, holds, judge
from tests.engine.process import EngineProcess

FREED = 50e6  # bytes over a new engine
SHARE = 0.10  # of the model, over an engine that has its imports
ROUNDS, FEWER = 5, 4  # with fewer than four, one step would look like growth
GROWTH = 5e6  # bytes a round that are within what varies
BLOCKED = 100.0  # milliseconds
NEGLIGIBLE = 1e-6


def measure(short: bool) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        left, blocked, bare = window.run(Path(home), _free)
    bar = lateness.bar(BLOCKED, bare)
    return [
        Row(
            'memory after "free memory now", over a new engine',
            f"≤ {FREED / 1e6:.0f} MB",
            f"{left / 1e6:+.0f} MB",
            "",
            judge(max(left, NEGLIGIBLE), FREED, short=short),
        ),
        Row(
            'event loop lateness during "free memory now", worst',
            f"≤ {bar:.0f} ms",
            f"{blocked:.0f} ms",
            f"bare loop {bare:.0f} ms",
            judge(blocked, bar, short=short),
        ),
        *_unloading(short=short),
    ]


# --- free memory now --------------------------------------------------------------------------------


async def _free(studio: Studio, frame: Frame) -> tuple[float, float, float]:
    """Bytes over a new engine; the window's worst lateness meanwhile, and a bare loop's, in milliseconds."""
    await studio.engine.devices()
    await studio.engine.free_memory()
    new = await _settled(studio)
    values = {"prompt": "a red apple", "size": (64, 64), "steps": 1}
    request = Request(task="image", family="", model=str(models.stable_diffusion()), values=values)
    job = await studio.queue.wait(studio.queue.submit(request).id)
    if job.state is not JobState.DONE:
        raise RuntimeError(f"{job.failure}")
    with lateness.control() as control:
        watch = lateness.Watch()
        await studio.engine.free_memory()
        ours = watch.stop()
    return await _settled(studio) - new, ours.worst, control.worst


async def _settled(studio: Studio) -> float:
    await asyncio.sleep(1)
    return float(psutil.Process(studio.engine.pid).memory_info().rss)


# --- unloading --------------------------------------------------------------------------------------


def _unloading(*, short: bool) -> list[Row]:
    """The small picture model brings the imports in; the large one is what must go away again."""
    folder, small = models.stable_diffusion(), models.ICONS
    values = {"prompt": "a red apple", "size": (64, 64), "steps": 1}
    with engine.running() as running:
        engine.run(running, small, **values)
        imports = _unload(running)
        before, left = 0.0, []
        for _ in range(FEWER if short else ROUNDS):
            engine.run(running, folder, **values)
            before = running.ping().ram_bytes
            left.append(_unload(running))
    model = before - imports
    worst = max(left)
    return [
        Row(
            "memory after unloading, over an engine with its imports",
            f"≤ {SHARE:.0%} of the model",
            f"{(worst - imports) / model:.1%} of {model / 1e9:.1f} GB",
            f"{(min(left) - imports) / model:.1%} to {(worst - imports) / model:.1%} in {len(left)} rounds",
            judge(max((worst - imports) / model, NEGLIGIBLE), SHARE, short=short),
        ),
        growing(left),
    ]


def growing(left: Sequence[float]) -> Row:
    """Whether what stays behind grows with every round. *left*: bytes after each unloading, at least four.

    Judged by the median of what each round adds: a library that sets something up for good in one of them
    is not a leak, and counts in the row above anyway.
    """
    added = [after - before for before, after in pairwise(left)]
    growth = statistics.median(added)
    return Row(
        "growth from one unloading to the next",
        "none",
        f"{growth / 1e6:+.1f} MB",
        f"{min(added) / 1e6:+.1f} to {max(added) / 1e6:+.1f} MB; {GROWTH / 1e6:.0f} MB are noise",
        holds(growth <= GROWTH),
    )


def _unload(running: EngineProcess) -> float:
    """Bytes after the model has gone."""
    running.send(Unload())
    deadline = time.monotonic() + 60
    while running.ping().resident:
        if time.monotonic() > deadline:
            raise RuntimeError("the model stayed")
        time.sleep(0.1)
    return float(running.ping().ram_bytes)
