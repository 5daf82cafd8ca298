"""Tells of a long job's end while the user is in another program."""

from __future__ import annotations

from PySide6.QtWidgets import QApplication, QSystemTrayIcon, QWidget

from studio.app.strip_feed import title_of
from studio.domain.job import Job, JobState
from studio.domain.text import t
from studio.services.studio import Studio

LONG_SECONDS = 30.0


class Notifier:
    """Asks for attention in the task bar, with a message where the desktop shows them."""

    def __init__(self, studio: Studio, window: QWidget) -> None:
        self._studio = studio
        self._window = window
        self._tray: QSystemTrayIcon | None = None
        self._told: set[str] = set()
        self._end = studio.queue.changed.connect(self._changed)

    def close(self) -> None:
        self._end()
        if self._tray is not None:
            self._tray.hide()

    def _changed(self, job: Job) -> None:
        if job.state not in (JobState.DONE, JobState.FAILED) or job.id in self._told:
            return
        self._told.add(job.id)
        long = job.started is not None and job.ended is not None and job.ended - job.started > LONG_SECONDS
        if long and self._studio.settings.value.notify and not self._window.isActiveWindow():
            self._tell(t(f"notify.{job.state}"), title_of(job))

    def _tell(self, title: str, words: str) -> None:
        QApplication.alert(self._window)
        if not (QSystemTrayIcon.isSystemTrayAvailable() and QSystemTrayIcon.supportsMessages()):
            return
        if self._tray is None:
            self._tray = QSystemTrayIcon(self._window.windowIcon(), self._window)
            self._tray.messageClicked.connect(self._window.activateWindow)
        self._tray.show()
        self._tray.showMessage(title, words, self._window.windowIcon())
