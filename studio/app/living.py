"""The second step of the window's process: Qt and asyncio on one loop, the studio behind the window."""

from __future__ import annotations

import asyncio
import gc

from PySide6.QtWidgets import QApplication
from qasync import QEventLoop

from studio.app.desk import Desk
from studio.app.frame import Frame
from studio.app.shell import Shell
from studio.services.instance import Instance
from studio.services.studio import Studio


def live(app: QApplication, desk: Desk, shell: Shell, instance: Instance) -> None:
    """Start the studio and stay until the window is closed and everything is put down."""
    gc.freeze()  # what is there by now stays: going through it all again would hold the window up
    with QEventLoop(app) as loop:
        asyncio.set_event_loop(loop)
        loop.run_until_complete(_live(desk, shell, instance))


async def _live(desk: Desk, shell: Shell, instance: Instance) -> None:
    studio = desk.studio = Studio(desk.basis.paths, basis=desk.basis)
    frame = Frame(desk, shell)
    calls = asyncio.ensure_future(_answer(instance, frame))
    try:
        if shell.window.isVisible():  # else it was closed before there was a frame to hear of it
            await frame.live()
    finally:
        calls.cancel()
        await studio.close()
        frame.window.finish()


async def _answer(instance: Instance, frame: Frame) -> None:
    """A second start brings this window to the front."""
    async for call in instance.calls():
        frame.come_to_front(call.activation)
