"""The real window over a real studio, in a home of its own, without a screen."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from PySide6.QtWidgets import QApplication
from qasync import QEventLoop

from studio.app import theme
from studio.app.desk import Desk
from studio.app.frame import Frame
from studio.services.paths import Paths
from studio.services.studio import Studio
from studio.wire.messages import Configure

SETTLE_SECONDS = 1.0  # for what the window does after its first picture

T = TypeVar("T")


def run(home: Path, script: Callable[[Studio, Frame], Awaitable[T]], *, offline: bool = True) -> T:
    """What *script* returns, given the running studio and its window."""
    gc.disable()  # as `studio` does
    app = QApplication([sys.argv[0], *theme.STYLE])
    app.setQuitOnLastWindowClosed(False)
    with QEventLoop(app) as loop:
        asyncio.set_event_loop(loop)
        return loop.run_until_complete(_scripted(home, script, offline=offline))


async def _scripted(home: Path, script: Callable[[Studio, Frame], Awaitable[T]], *, offline: bool) -> T:
    async with opened(home, offline=offline) as (studio, frame):
        return await script(studio, frame)


@asynccontextmanager
async def opened(home: Path, *, offline: bool = True) -> AsyncIterator[tuple[Studio, Frame]]:
    """The window as `studio.app.main` puts it together, until the block ends."""
    gc.freeze()
    studio = Studio(Paths.under(home).create(), offline=offline)
    theme.install(QApplication.instance(), "light")
    frame = Frame(Desk(studio))
    frame.window.show()
    living = asyncio.ensure_future(frame.live())
    try:
        while not frame.window.current.value:
            await asyncio.sleep(0.01)
            if living.done():
                living.result()
        await asyncio.sleep(SETTLE_SECONDS)
        yield studio, frame
    finally:
        frame.window.close()
        await living
        await studio.close()
        frame.window.finish()


def panels(frame: Frame) -> list[str]:
    """The keys of all panels."""
    keys = frame.window.keys()
    return [key for key in keys if find_spec(f"studio.app.panels.{key}.panel")]


async def start_engine(studio: Studio) -> None:
    """Start the engine as a user with a job would, and keep models for good."""
    studio.engine.configure(Configure(idle_unload_seconds=0))
    await studio.engine.devices()
