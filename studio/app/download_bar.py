"""A download as one sees it: how much of how much, how fast, how long still."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from studio.app.language import on_language
from studio.app.widgets.label import ElidedLabel, Label
from studio.app.widgets.meter import Meter
from studio.domain.quantity import duration, size, speed
from studio.domain.text import t
from studio.services.downloads.state import DownloadState, State


def download_words(state: DownloadState) -> tuple[str, str]:
    """At the left what has come and how fast, at the right what is left."""
    amount = size(state.done_bytes)
    if state.total_bytes:
        amount = t("download.of", done=size(state.done_bytes), total=size(state.total_bytes))
    if state.state is State.WAITING:
        return t("download.waiting"), amount if state.done_bytes else ""
    if state.state is State.PAUSED:
        return f"{t('download.paused')}  •  {amount}", ""
    if state.stage != "download":
        return t(f"download.{state.stage}"), ""
    parts = [amount] + ([speed(state.bytes_per_second)] if state.bytes_per_second else [])
    left = "" if state.remaining is None else t("download.left", time=duration(state.remaining))
    return "  •  ".join(parts), left


def fraction(state: DownloadState) -> float | None:
    """In 0..1; None while it cannot be known."""
    if not state.total_bytes or (state.state is State.RUNNING and state.stage == "find"):
        return None
    return min(1.0, state.done_bytes / state.total_bytes)


class DownloadBar(QWidget):
    """One download; `show_state` with each snapshot."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._state: DownloadState | None = None
        self._words, self._left = ElidedLabel(role="small"), Label(role="small")
        self.meter = Meter()
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self._words, 1)
        top.addWidget(self._left)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(top)
        column.addWidget(self.meter)
        on_language(self._say)

    def show_state(self, state: DownloadState) -> None:
        self._state = state
        self._say()
        self.meter.set_tone("muted" if state.state is State.PAUSED else "accent")
        self.meter.set_value(0.0 if state.state is State.WAITING else fraction(state))

    def _say(self) -> None:
        if self._state is not None:
            words, left = download_words(self._state)
            self._words.setText(words)
            self._left.setText(left)
