"""A state as a coloured dot *and* words: `StatusLine`, and `FitLine` that can be clicked.

line.set("ok", "Fits - about 4 s")      tone: ok, warning, bad, muted
"""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from studio.app import fonts, theme
from studio.app.widgets.button import PaintedButton
from studio.app.widgets.paint import RADIUS, box, dot, focus_ring, set_tooltip


class StatusLine(QWidget):
    """One line; `set` gives tone and words."""

    def __init__(self, parent: QWidget | None = None, *, pixels: int = fonts.LABEL) -> None:
        super().__init__(parent)
        self._tone, self._words = "muted", ""
        self.setFont(fonts.ui_font(pixels))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def set(self, tone: str, text: str) -> None:
        self._tone, self._words = tone, text
        self.setAccessibleName(text)
        self.updateGeometry()
        self.update()

    def text(self) -> str:
        return self._words

    def sizeHint(self) -> QSize:
        return QSize(round(QFontMetricsF(self.font()).horizontalAdvance(self._words)) + 20, 24)

    def minimumSizeHint(self) -> QSize:
        return QSize(48, 24)

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        paint_status(painter, QRectF(self.rect()), self._tone, self._words)


class FitLine(PaintedButton):
    """The line under Generate: whether it fits, how long, how much memory. Nothing is shown before `set`."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tone = "muted"
        self.setFont(fonts.ui_font(fonts.LABEL))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setEnabled(False)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def set(self, tone: str, text: str) -> None:
        self._tone = tone
        self.setText(text)
        self.setEnabled(bool(text))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus if text else Qt.FocusPolicy.NoFocus)
        set_tooltip(self, text)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(round(QFontMetricsF(self.font()).horizontalAdvance(self.words())) + 36, 32)

    def minimumSizeHint(self) -> QSize:
        return QSize(64, 32)

    def paintEvent(self, _: QPaintEvent) -> None:
        if not self.words():
            return
        painter = QPainter(self)
        painter.setFont(self.font())
        rect = QRectF(self.rect())
        if self.underMouse():
            box(painter, rect, theme.color("raised"), None, RADIUS)
        paint_status(painter, rect.adjusted(8, 0, -8, 0), self._tone, self.words())
        if self.ring:
            focus_ring(painter, rect, RADIUS)


def paint_status(painter: QPainter, rect: QRectF, tone: str, words: str) -> None:
    """The dot at the left of *rect*, the words behind it, shortened to fit, in the painter's font."""
    dot(painter, QPointF(rect.x() + 4, rect.center().y()), theme.color(tone))
    painter.setPen(theme.color("text"))
    room = rect.width() - 17
    shown = QFontMetricsF(painter.font()).elidedText(words, Qt.TextElideMode.ElideRight, room + 1)
    painter.drawText(rect.adjusted(17, 0, 2, 0), Qt.AlignmentFlag.AlignVCenter, shown)
