"""The window's process: Qt and asyncio on one loop, the studio behind it, an orderly end.

The window is shown before the studio's services start; what cannot start is said in the window.
"""

from __future__ import annotations

import asyncio
import logging
import sys

from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication
from qasync import QEventLoop

from studio.app import keys, language, theme
from studio.app.desk import Desk
from studio.app.frame import Frame
from studio.services import language as user_language
from studio.services.instance import Instance
from studio.services.logs import Log
from studio.services.paths import ASSETS, Paths
from studio.services.settings import Settings
from studio.services.studio import Studio

log = logging.getLogger(__name__)


def run(*, offline: bool = False) -> int:
    """Open the window and stay until it is closed. The process's exit code."""
    paths = Paths.default()
    paths.create()
    instance = Instance(paths)
    if not instance.acquire():
        instance.call()
        return 0
    written = Log(paths, "window")
    written.start()
    app = QApplication(sys.argv[:1])
    app.setQuitOnLastWindowClosed(False)
    app.setApplicationName("aigc-studio")
    app.setDesktopFileName("aigc-studio")
    app.setWindowIcon(QIcon(str(ASSETS / "icons" / "studio.png")))
    try:
        with QEventLoop(app) as loop:
            asyncio.set_event_loop(loop)
            return loop.run_until_complete(_live(paths, instance, offline=offline))
    finally:
        written.end()
        instance.release()


async def _live(paths: Paths, instance: Instance, *, offline: bool) -> int:
    studio = Studio(paths, offline=offline)
    _apply(studio.settings.value)
    theme.install(_application(), studio.settings.value.theme)
    studio.settings.changed.connect(_apply)
    keys.overrides.connect(lambda changed: studio.settings.change(shortcuts=dict(changed)))
    desk = Desk(studio)
    frame = Frame(desk)
    frame.window.show()
    calls = asyncio.ensure_future(_answer(instance, frame))
    try:
        await frame.live()
    finally:
        calls.cancel()
        await studio.close()
        frame.window.finish()
    return 0


def _apply(settings: Settings) -> None:
    """Language, theme and keys as the settings say, now and whenever they change."""
    wanted = user_language.language(settings)
    if wanted != language.current.value:
        language.set_language(wanted)
    if settings.theme != theme.mode.value:
        theme.set_mode(settings.theme)
    if dict(keys.overrides.value) != settings.shortcuts:
        keys.overrides.value = settings.shortcuts


async def _answer(instance: Instance, frame: Frame) -> None:
    """A second start brings this window to the front."""
    async for call in instance.calls():
        frame.come_to_front(call.activation)


def _application() -> QApplication:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    return app
