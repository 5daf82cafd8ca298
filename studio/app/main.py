"""The window's process, in two steps.

First the window with Home in it, from what is known without any service, on Qt's own loop. While it
is looked at, the services are imported beside it. Then Qt and asyncio on one loop, the studio behind
the window, and an orderly end. What cannot start is said in the window.
"""

from __future__ import annotations

import sys
from importlib import import_module
from threading import Thread

from PySide6.QtCore import QEvent, QEventLoop, QObject, QTimer, Signal
from PySide6.QtGui import QIcon, QPixmap
from PySide6.QtWidgets import QApplication

from studio.app import keys, language, theme
from studio.app.desk import Desk
from studio.app.shell import Shell
from studio.app.window import StudioWindow
from studio.services import language as user_language
from studio.services.basis import Basis
from studio.services.instance import Instance
from studio.services.logs import Log
from studio.services.paths import ASSETS, Paths
from studio.services.settings import Settings

_UNSEEN_MS = 1000  # a window that the desktop does not show yet is not waited for longer
_BREATH_MS = 10  # what was clicked already goes first


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
    app = QApplication([sys.argv[0], *theme.STYLE])
    app.setQuitOnLastWindowClosed(False)
    app.setApplicationName("aigc-studio")
    app.setDesktopFileName("aigc-studio")
    try:
        desk = Desk(basis=Basis(paths, offline=offline))
        shell = _open(app, desk)
        if _import_services(shell.window):
            from studio.app.living import live

            live(app, desk, shell, instance)
        return 0
    finally:
        written.end()
        instance.release()


def _open(app: QApplication, desk: Desk) -> Shell:
    """The window with Home in it, in the user's language and colours."""
    settings = desk.basis.settings
    _apply(settings.value)
    theme.install(app, settings.value.theme)
    settings.changed.connect(_apply)
    keys.overrides.connect(lambda changed: settings.change(shortcuts=dict(changed)))
    shell = Shell(desk)
    shell.window.go("home")
    shell.window.show()
    return shell


def _icon() -> QIcon:
    """From pictures that were read: for a path, Qt would look through its plugins first."""
    icon = QIcon()
    for side in (32, 128):
        icon.addPixmap(QPixmap(str(ASSETS / "icons" / f"studio-{side}.png")))
    return icon


def _apply(settings: Settings) -> None:
    """Language, theme and keys as the settings say, now and whenever they change."""
    wanted = user_language.language(settings)
    if wanted != language.current.value:
        language.set_language(wanted)
    if settings.theme != theme.mode.value:
        theme.set_mode(settings.theme)
    if dict(keys.overrides.value) != settings.shortcuts:
        keys.overrides.value = settings.shortcuts


class _Beside(QObject):
    """Imports the services in a thread, once *window* is painted, while Qt's loop keeps it alive."""

    done = Signal()

    def __init__(self, window: QObject) -> None:
        super().__init__()
        self._window = window
        self._thread = Thread(target=self._import, name="imports")
        window.installEventFilter(self)
        QTimer.singleShot(_UNSEEN_MS, self, self._start)

    def eventFilter(self, _: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint:
            QTimer.singleShot(_BREATH_MS, self, self._start)
        return False

    def _start(self) -> None:
        self._window.removeEventFilter(self)
        if self._thread.ident is None:
            self._thread.start()
            QApplication.setWindowIcon(_icon())  # it stands in no picture of the window itself

    def finish(self) -> None:
        """Wait for the thread: an interpreter that ends cannot import."""
        if self._thread.ident is not None:
            self._thread.join()

    def _import(self) -> None:
        try:
            import_module("studio.services.studio")
        finally:  # what cannot be imported is raised where it is used
            self.done.emit()


def _import_services(window: StudioWindow) -> bool:
    """False when the window was closed meanwhile."""
    waiting, beside = QEventLoop(), _Beside(window)
    beside.done.connect(waiting.quit)
    window.close_requested.connect(waiting.quit)
    waiting.exec()
    beside.finish()
    return window.isVisible()
