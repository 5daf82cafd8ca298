"""A level bar that moves smoothly: `Meter`, `set_value(0..1)`, or None while nobody knows."""

from __future__ import annotations

from PySide6.QtCore import QEasingCurve, QRectF, QSize, QVariantAnimation
from PySide6.QtGui import QHideEvent, QPainter, QPaintEvent, QShowEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from studio.app import motion, theme
from studio.app.widgets.paint import box

_SWEEP_MS = 1400


class Meter(QWidget):
    """*tone* names the token of the filled part. Accessible text: the percentage."""

    def __init__(self, parent: QWidget | None = None, *, thickness: int = 6, tone: str = "accent") -> None:
        super().__init__(parent)
        self._thickness, self._tone = thickness, tone
        self._value: float | None = 0.0
        self._shown = 0.0
        self._glide = QVariantAnimation(self)
        self._glide.setEasingCurve(QEasingCurve.Type.OutCubic)
        self._glide.valueChanged.connect(self._moved)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    @property
    def value(self) -> float | None:
        return self._value

    def set_tone(self, tone: str) -> None:
        self._tone = tone
        self.update()

    def set_value(self, value: float | None) -> None:
        """Moves there in the time that `motion` allows; downwards (a new job) it jumps."""
        if value is not None:
            value = min(max(value, 0.0), 1.0)
        if value == self._value:
            return
        backwards = value is not None and value < self._shown
        self._value = value
        self.setAccessibleDescription("" if value is None else f"{value:.0%}")
        self._start(jump=backwards)

    def _start(self, *, jump: bool = False) -> None:
        self._glide.stop()
        time = motion.duration()
        if self._value is None:
            if time and self.isVisible():
                self._run(0.0, 1.0, _SWEEP_MS, -1)
        elif jump or not time or not self.isVisible():
            self._shown = self._value
        else:
            self._run(self._shown, self._value, time, 1)
        self.update()

    def _run(self, start: float, end: float, milliseconds: int, loops: int) -> None:
        self._glide.setStartValue(start)
        self._glide.setEndValue(end)
        self._glide.setDuration(milliseconds)
        self._glide.setLoopCount(loops)
        self._glide.start()

    def _moved(self, value: float) -> None:
        self._shown = value
        self.update()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._start(jump=True)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._glide.stop()

    def sizeHint(self) -> QSize:
        return QSize(120, self._thickness)

    def minimumSizeHint(self) -> QSize:
        return QSize(24, self._thickness)

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        rect = QRectF(0, (self.height() - self._thickness) / 2, self.width(), self._thickness)
        radius = self._thickness / 2
        box(painter, rect, theme.color("border"), None, radius)
        if self._value is None:
            width = rect.width() * 0.3
            filled = QRectF(
                rect.x() + (rect.width() - width) * _there_and_back(self._shown),
                rect.y(),
                width,
                rect.height(),
            )
        else:
            filled = QRectF(rect.x(), rect.y(), rect.width() * self._shown, rect.height())
        if filled.width() > 0.5:
            painter.setClipRect(filled)
            box(painter, rect if self._value is not None else filled, theme.color(self._tone), None, radius)


def _there_and_back(position: float) -> float:
    return 1.0 - abs(2.0 * position - 1.0)
