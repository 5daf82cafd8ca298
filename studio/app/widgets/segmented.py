"""Segmented buttons of equal width: `SegmentedButtons([(1, "1"), (4, "4")])`, `value`, `changed`."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from studio.app import fonts, theme
from studio.app.language import bind_text
from studio.app.widgets.button import PaintedButton
from studio.app.widgets.choices import ChoiceRow
from studio.app.widgets.paint import RADIUS, box, focus_ring, mix


class SegmentedButtons(ChoiceRow):
    """See `ChoiceRow`."""

    def make_button(self, key: str) -> PaintedButton:
        return _Segment(key, self)


class _Segment(PaintedButton):
    def __init__(self, key: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setCheckable(True)
        self.setFont(fonts.ui_font(fonts.BODY))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        bind_text(self.setText, key)

    def sizeHint(self) -> QSize:
        bold = QFontMetricsF(fonts.ui_font(fonts.BODY, bold=True))
        return QSize(round(bold.horizontalAdvance(self.words())) + 16, 34)

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        if not self.isEnabled():
            painter.setOpacity(0.5)
        rect = QRectF(self.rect())
        on = self.isChecked()
        hover = self.isEnabled() and (self.underMouse() or self.isDown())
        fill = mix(theme.color("background"), theme.color("text"), 0.05 if hover else 0.0)
        box(painter, rect, fill, theme.color("accent" if on else "border"), RADIUS, 1.5 if on else 1.0)
        font = fonts.ui_font(fonts.BODY, bold=on)
        painter.setFont(font)
        painter.setPen(theme.color("accent" if on else "text"))
        room = rect.width() - 8
        words = QFontMetricsF(font).elidedText(self.words(), Qt.TextElideMode.ElideRight, room)
        painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, words)
        if self.ring:
            focus_ring(painter, rect, RADIUS)
