"""Tells of the end of a long job or download while the user is in another program."""

from __future__ import annotations

import time

from PySide6.QtWidgets import QApplication, QSystemTrayIcon, QWidget

from studio.app.strip_feed import title_of
from studio.domain.job import Job, JobState
from studio.domain.text import localized, t
from studio.services.downloads.state import DownloadState, State
from studio.services.studio import Studio

LONG_SECONDS = 30.0


class Notifier:
    """Asks for attention in the task bar, with a message where the desktop shows them."""

    def __init__(self, studio: Studio, window: QWidget) -> None:
        self._studio = studio
        self._window = window
        self._tray: QSystemTrayIcon | None = None
        self._told: set[str] = set()
        self._fetching: dict[str, float] = {}
        self._ends = (
            studio.queue.changed.connect(self._changed),
            studio.downloads.changed.connect(self._moved),
        )

    def close(self) -> None:
        for end in self._ends:
            end()
        if self._tray is not None:
            self._tray.hide()

    def _changed(self, job: Job) -> None:
        if job.state not in (JobState.DONE, JobState.FAILED) or job.id in self._told:
            return
        self._told.add(job.id)
        long = job.started is not None and job.ended is not None and job.ended - job.started > LONG_SECONDS
        if long:
            self._tell(t(f"notify.{job.state}"), title_of(job))

    def _moved(self, state: DownloadState) -> None:
        """A download that ends by itself: it is here, or something keeps it from going on."""
        if state.state is State.RUNNING:
            self._fetching.setdefault(state.id, time.monotonic())
        if not state.state.ended:
            return
        began = self._fetching.pop(state.id, None)
        if began is None or time.monotonic() - began < LONG_SECONDS:
            return
        title = localized(self._studio.library.entry(state.id).model.title)
        if state.state is State.DONE:
            self._tell(t("notify.fetched"), title)
        elif state.failure is not None:
            self._tell(t("notify.not_fetched"), f"{title}\n{state.failure.message}")

    def _tell(self, title: str, words: str) -> None:
        if not self._studio.settings.value.notify or self._window.isActiveWindow():
            return
        QApplication.alert(self._window)
        if not (QSystemTrayIcon.isSystemTrayAvailable() and QSystemTrayIcon.supportsMessages()):
            return
        if self._tray is None:
            self._tray = QSystemTrayIcon(self._window.windowIcon(), self._window)
            self._tray.messageClicked.connect(self._window.activateWindow)
        self._tray.show()
        self._tray.showMessage(title, words, self._window.windowIcon())
