"""Pills: `Tag` says something, `Chip` is a small button, `ChipGroup` offers one of several."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QLayout, QSizePolicy, QWidget

from studio.app import fonts, icons, theme
from studio.app.language import bind_text
from studio.app.widgets.button import PaintedButton
from studio.app.widgets.choices import ChoiceRow
from studio.app.widgets.flow import FlowLayout
from studio.app.widgets.paint import box, focus_ring, mix

HEIGHT = 26


class Tag(QWidget):
    """A fact in a pill: "installed - 58 MB". *tone*: muted, text, accent, ok, warning or bad."""

    def __init__(
        self, key: str = "", icon: str = "", tone: str = "muted", parent: QWidget | None = None, **values: Any
    ) -> None:
        super().__init__(parent)
        self._words, self._icon, self._tone = "", icon, tone
        self.setFont(fonts.ui_font(fonts.SMALL))
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        if key:
            bind_text(self.set_text, key, **values)

    def set_text(self, text: str) -> None:
        self._words = text
        self.setAccessibleName(text)
        self.updateGeometry()
        self.update()

    def text(self) -> str:
        return self._words

    def set_icon(self, name: str) -> None:
        self._icon = name
        self.updateGeometry()
        self.update()

    def set_tone(self, tone: str) -> None:
        self._tone = tone
        self.update()

    def sizeHint(self) -> QSize:
        return pill_size(self._words, self._icon, self.font(), 22)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        rect = QRectF(self.rect())
        box(painter, rect, theme.color("raised"), None, rect.height() / 2)
        paint_pill(painter, rect, self._words, self._icon, self.font(), self._tone)


class Chip(PaintedButton):
    """A pill that can be clicked; a checkable one shows the accent while on."""

    def __init__(self, key: str = "", icon: str = "", parent: QWidget | None = None, **values: Any) -> None:
        super().__init__(parent)
        self._icon, self._tone = icon, "muted"
        self.setFont(fonts.ui_font(fonts.SMALL))
        if key:
            bind_text(self.setText, key, **values)

    def set_tone(self, tone: str) -> None:
        """The token of words and icon while it is not checked."""
        self._tone = tone
        self.update()

    def set_icon(self, name: str) -> None:
        self._icon = name
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        # The width of the bold words, so that being chosen moves nothing.
        font = fonts.ui_font(fonts.SMALL, bold=True) if self.isCheckable() else self.font()
        return pill_size(self.words(), self._icon, font, HEIGHT)

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        if not self.isEnabled():
            painter.setOpacity(0.5)
        rect = QRectF(self.rect())
        on = self.isCheckable() and self.isChecked()
        hover = self.isEnabled() and (self.underMouse() or self.isDown())
        fill = mix(theme.color("soft_accent" if on else "raised"), theme.color("text"), 0.07 if hover else 0)
        box(painter, rect, fill, None, rect.height() / 2)
        font = fonts.ui_font(fonts.SMALL, bold=on)
        paint_pill(painter, rect, self.words(), self._icon, font, "accent" if on else self._tone)
        if self.ring:
            focus_ring(painter, rect, rect.height() / 2)


class ChipGroup(ChoiceRow):
    """Exactly one of several chips: `ChipGroup([("text", "draw.from_text"), ...])`, `value`, `changed`."""

    spacing = 8

    def make_button(self, key: str) -> PaintedButton:
        chip = Chip(key)
        chip.setCheckable(True)
        return chip


class ChipFlow(ChipGroup):
    """A group of chips that wraps into as many rows as it needs."""

    def make_layout(self) -> QLayout:
        return FlowLayout(self, spacing=self.spacing)


def pill_size(words: str, icon: str, font: QFont, height: int) -> QSize:
    """How large the pill of *words* is; an *icon* of "" is none."""
    width = 24 + QFontMetricsF(font).horizontalAdvance(words) + (20 if icon else 0)
    return QSize(round(width + 1), height)


def paint_pill(painter: QPainter, rect: QRectF, words: str, icon: str, font: QFont, token: str) -> None:
    """What stands in a pill, in the middle of *rect*."""
    room = QFontMetricsF(font).horizontalAdvance(words)
    x = rect.center().x() - (room + (20 if icon else 0)) / 2
    if icon:
        icons.paint(painter, icon, QRectF(x, rect.center().y() - 7, 14, 14), token)
        x += 20
    painter.setPen(theme.color(token))
    painter.setFont(font)
    painter.drawText(QRectF(x, rect.y(), room + 2, rect.height()), Qt.AlignmentFlag.AlignVCenter, words)
