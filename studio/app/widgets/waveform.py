"""Sound as it looks: `set_peaks(peaks(samples), seconds)`, a playhead, click or arrow keys to seek.

`peaks` works on any sequence of floats in -1..1; call it off the window's thread for long sounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from studio.app import theme
from studio.app.language import bind_text
from studio.app.widgets.paint import RADIUS, box

_BAR, _GAP = 3, 2
_SEEK_SECONDS = 5.0


def peaks(samples: Sequence[float] | Any, count: int = 600) -> tuple[float, ...]:
    """The loudest sample (0..1) in each of *count* equal parts of a mono sound."""
    import numpy  # noqa: ICN001 - not part of the first window; loaded with the first sound

    magnitudes = numpy.abs(numpy.asarray(samples, dtype=numpy.float32).reshape(-1))
    if not magnitudes.size:
        return ()
    parts = numpy.array_split(magnitudes, min(count, magnitudes.size))
    return tuple(min(float(part.max()), 1.0) for part in parts)


class Waveform(QWidget):
    """`seek_requested` carries seconds. Drawn as bars: what has been played in the accent."""

    seek_requested = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._peaks: tuple[float, ...] = ()
        self._seconds = 0.0
        self._position = 0.0
        self.setMinimumHeight(56)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        bind_text(self.setAccessibleName, "app.waveform")

    def set_peaks(self, values: Sequence[float], seconds: float) -> None:
        """*values* in 0..1 over the whole length; resets the playhead."""
        self._peaks, self._seconds, self._position = tuple(values), seconds, 0.0
        self.update()

    @property
    def position(self) -> float:
        """Of the playhead, in seconds."""
        return self._position

    def set_position(self, seconds: float) -> None:
        seconds = min(max(seconds, 0.0), self._seconds)
        if seconds != self._position:
            self._position = seconds
            self.setAccessibleDescription(f"{seconds:.1f} / {self._seconds:.1f}")
            self.update()

    def _seek(self, seconds: float) -> None:
        if self._peaks:
            seconds = min(max(seconds, 0.0), self._seconds)
            self.set_position(seconds)
            self.seek_requested.emit(seconds)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._seek(event.position().x() / max(1, self.width()) * self._seconds)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if event.buttons() & Qt.MouseButton.LeftButton:
            self._seek(event.position().x() / max(1, self.width()) * self._seconds)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        match event.key():
            case Qt.Key.Key_Left:
                self._seek(self._position - _SEEK_SECONDS)
            case Qt.Key.Key_Right:
                self._seek(self._position + _SEEK_SECONDS)
            case Qt.Key.Key_Home:
                self._seek(0.0)
            case Qt.Key.Key_End:
                self._seek(self._seconds)
            case _:
                super().keyPressEvent(event)

    def sizeHint(self) -> QSize:
        return QSize(480, 120)

    def bars(self, count: int) -> list[float]:
        """The heights (0..1) of *count* bars; a fixed number of peaks is spread over any width."""
        total = len(self._peaks)
        if not total:
            return []
        edges = [index * total // count for index in range(count + 1)]
        return [max(self._peaks[start : max(end, start + 1)]) for start, end in pairwise(edges)]

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        middle, room = self.height() / 2, self.height() / 2 - 6
        played = self.width() * self._position / self._seconds if self._seconds else 0.0
        count = max(1, self.width() // (_BAR + _GAP))
        loudest = max(self._peaks, default=0.0) or 1.0
        if not self._peaks:
            box(painter, QRectF(0, middle - 1, self.width(), 2), theme.color("border"), None, 1)
        for index, height in enumerate(self.bars(count)):
            x = index * (_BAR + _GAP)
            half = max(1.5, room * height / loudest)
            color = theme.color("accent") if x + _BAR <= played else theme.color("muted", 0.55)
            box(painter, QRectF(x, middle - half, _BAR, 2 * half), color, None, _BAR / 2)
        if self._peaks:
            box(painter, QRectF(min(played, self.width() - 2), 2, 2, self.height() - 4), theme.color("text"))
        if self.hasFocus():
            box(painter, QRectF(self.rect()), None, theme.color("accent"), RADIUS, 2.0)
