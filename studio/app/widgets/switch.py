"""On or off: `Switch(key)` with its words at the left; `value`, `changed`."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from studio.app import fonts, theme
from studio.app.language import bind_text
from studio.app.widgets.button import PaintedButton
from studio.app.widgets.paint import box, focus_ring, mix

_TRACK = QSize(36, 20)


class Switch(PaintedButton):
    """The knob's place tells the state as well as the colour does."""

    changed = Signal(object)

    def __init__(self, key: str = "", parent: QWidget | None = None, **values: Any) -> None:
        super().__init__(parent)
        self.setCheckable(True)
        self.setFont(fonts.ui_font(fonts.BODY))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.clicked.connect(self._clicked)
        if key:
            bind_text(self.setText, key, **values)

    def _clicked(self, on: bool) -> None:
        self.changed.emit(on)

    @property
    def value(self) -> bool:
        return self.isChecked()

    def set_value(self, value: bool) -> None:
        """Silent."""
        self.setChecked(value)

    def sizeHint(self) -> QSize:
        words = QFontMetricsF(self.font()).horizontalAdvance(self.words()) + 12 if self.words() else 0
        return QSize(round(words) + _TRACK.width() + 8, 30)

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        if not self.isEnabled():
            painter.setOpacity(0.5)
        rect = QRectF(self.rect())
        on, hover = self.isChecked(), self.underMouse() and self.isEnabled()
        left = rect.right() - _TRACK.width() - 3
        track = QRectF(left, rect.center().y() - _TRACK.height() / 2, _TRACK.width(), _TRACK.height())
        fill = theme.color("accent") if on else mix(theme.color("raised"), theme.color("text"), 0.1)
        border = None if on else theme.color("muted")
        box(painter, track, mix(fill, theme.color("text"), 0.08 if hover else 0.0), border, 10)
        knob = QPointF(track.right() - 10 if on else track.left() + 10, track.center().y())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("accent_text" if on else "muted"))
        painter.drawEllipse(knob, 6.0 if on else 5.0, 6.0 if on else 5.0)
        painter.setPen(theme.color("text"))
        painter.setFont(self.font())
        room = track.left() - 12
        words = QFontMetricsF(self.font()).elidedText(self.words(), Qt.TextElideMode.ElideRight, room)
        painter.drawText(rect.adjusted(0, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, words)
        if self.ring:
            focus_ring(painter, track.adjusted(-3, -3, 3, 3), 13)
