"""How late the window's event loop is while six models are fetched and five hundred cards are scrolled.

The hub is on loopback in a process of its own and all downloads together get what a fast line gives,
so that they last as long as is looked.
"""

from __future__ import annotations

import asyncio
import functools
import json
import tempfile
from pathlib import Path

from PySide6.QtWidgets import QAbstractScrollArea

from studio.app.frame import Frame
from studio.services import basis
from studio.services.downloads.state import State
from studio.services.library.library import Library
from studio.services.studio import Studio
from tests.bench import lateness, window
from tests.bench.hub import entry, make_files, serving
from tests.bench.table import Row, judge

P99 = 16.0  # milliseconds
CARDS, FETCHED = 500, 6
BYTES = 600_000_000  # of each
RATE = 50_000_000  # bytes a second of all
SECONDS, SHORT_SECONDS = 40.0, 10.0
SCROLL_SECONDS = 0.02


def measure(short: bool) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        make_files(folder / "files", BYTES)
        manifest = folder / "manifest"
        manifest.mkdir()
        for number in range(CARDS):
            made = entry(f"model-{number:03}")
            (manifest / f"{made['id']}.json").write_text(json.dumps(made), encoding="utf-8")
        basis.Library = functools.partial(Library, manifest=manifest)
        with serving(folder / "files"):
            ours, control = window.run(
                folder / "home", lambda studio, frame: _watched(studio, frame, short=short), offline=False
            )
    bar = lateness.bar(P99, control.percentile(0.99))
    mine = ours.percentile(0.99)
    return [
        Row(
            f"event loop lateness, {FETCHED} downloads and {CARDS} cards, p99",
            f"≤ {bar:.0f} ms",
            f"{mine:.1f} ms",
            f"worst {ours.worst:.0f} ms; bare loop {control.percentile(0.99):.1f} ms; {len(ours.late)} turns",
            judge(mine, bar, short=short),
        )
    ]


async def _watched(
    studio: Studio, frame: Frame, *, short: bool
) -> tuple[lateness.Lateness, lateness.Lateness]:
    downloads = studio.downloads
    downloads.together = FETCHED
    downloads.limit(RATE)
    panel = frame.window.go("models")
    await asyncio.sleep(5)  # its first showing is not what is measured
    for number in range(FETCHED):
        downloads.start(f"model-{number:03}")
    while not all(state.done_bytes for state in downloads.states.values()):
        await asyncio.sleep(0.1)
    areas = [area for area in panel.findChildren(QAbstractScrollArea) if area.isVisible()]
    with lateness.control() as control:
        watch = lateness.Watch()
        down = 0
        until = asyncio.get_running_loop().time() + (SHORT_SECONDS if short else SECONDS)
        while asyncio.get_running_loop().time() < until:
            down += 40
            for area in areas:
                bar = area.verticalScrollBar()
                bar.setValue(down % (bar.maximum() + 1))
            await asyncio.sleep(SCROLL_SECONDS)
        ours = watch.stop()
    states = {state.state for state in downloads.states.values()}
    if states != {State.RUNNING}:
        raise RuntimeError(f"the downloads did not last as long as was looked: {states}")
    return ours, control
