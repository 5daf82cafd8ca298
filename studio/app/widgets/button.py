"""Buttons, painted from the theme.

PaintedButton            base of all: hover, keyboard focus ring, text that is never a mnemonic
Button(key, icon, kind)  words; kind "primary", "secondary", "quiet" or "danger"
IconButton(icon, key)    a square with an icon; *key* names it (tooltip and screen reader)
"""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFocusEvent, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QSizePolicy, QWidget

from studio.app import fonts, icons, theme
from studio.app.language import bind_text
from studio.app.widgets.paint import RADIUS, box, focus_ring, mix, set_tooltip

_KEYBOARD = (
    Qt.FocusReason.TabFocusReason,
    Qt.FocusReason.BacktabFocusReason,
    Qt.FocusReason.ShortcutFocusReason,
)


class PaintedButton(QAbstractButton):
    """A click leaves the keyboard where it was (in the prompt, usually); Tab comes here and shows a ring."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.ring = False
        self._words = ""
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def setText(self, text: str) -> None:
        """An ampersand in *text* is an ampersand."""
        self._words = text
        super().setText(text.replace("&", "&&"))
        self.updateGeometry()

    def words(self) -> str:
        """The text as it was given."""
        return self._words

    def set_name(self, text: str) -> None:
        """What a tooltip and a screen reader call it."""
        self.setAccessibleName(text)
        set_tooltip(self, text)

    def focusInEvent(self, event: QFocusEvent) -> None:
        self.ring = event.reason() in _KEYBOARD
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self.ring = False
        super().focusOutEvent(event)

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.EnabledChange:
            self.update()
        super().changeEvent(event)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()


class Button(PaintedButton):
    """`set_hint` adds a quiet word at the right, for the keys that do the same."""

    HEIGHT = 36

    def __init__(
        self,
        key: str = "",
        icon: str = "",
        kind: str = "secondary",
        parent: QWidget | None = None,
        **values: Any,
    ) -> None:
        super().__init__(parent)
        self._icon = icon
        self._kind = kind
        self._hint = ""
        self._hint_font = fonts.ui_font(fonts.SMALL, bold=True)
        self.setFont(fonts.ui_font(fonts.BODY, bold=True))
        if key:
            bind_text(self.setText, key, **values)

    def set_icon(self, name: str) -> None:
        self._icon = name
        self.updateGeometry()
        self.update()

    def set_kind(self, kind: str) -> None:
        self._kind = kind
        self.update()

    def set_hint(self, text: str) -> None:
        self._hint = text
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        width = 28.0
        if self.words():
            width += QFontMetricsF(self.font()).horizontalAdvance(self.words())
        if self._icon:
            width += 18 + (8 if self.words() else 0)
        if self._hint:
            width += 10 + QFontMetricsF(self._hint_font).horizontalAdvance(self._hint)
        return QSize(round(width + 1), self.HEIGHT)

    def _colors(self) -> tuple[QColor, QColor | None, str]:
        """Fill, border, and the token of words and icon."""
        pressed, hover = self.isDown(), self.underMouse() and self.isEnabled()
        if self._kind == "primary":
            shade = theme.color("background") if theme.is_dark() else theme.color("text")
            return (
                mix(theme.color("accent"), shade, 0.22 if pressed else 0.1 if hover else 0.0),
                None,
                "accent_text",
            )
        fill = mix(theme.color("raised"), theme.color("text"), 0.12 if pressed else 0.06 if hover else 0.0)
        if self._kind == "quiet":
            return fill if pressed or hover else theme.color("raised", 0.001), None, "text"
        return fill, theme.color("border"), "bad" if self._kind == "danger" else "text"

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        if not self.isEnabled():
            painter.setOpacity(0.5)
        fill, border, token = self._colors()
        rect = QRectF(self.rect())
        box(painter, rect, fill, border, RADIUS)
        self._paint_content(painter, rect, token)
        if self.ring:
            focus_ring(painter, rect, RADIUS)

    def _paint_content(self, painter: QPainter, rect: QRectF, token: str) -> None:
        content = self.sizeHint().width() - 28.0
        x = rect.x() + max(14.0, (rect.width() - content) / 2)
        if self._icon:
            icons.paint(painter, self._icon, QRectF(x, rect.center().y() - 9, 18, 18), token)
            x += 26
        painter.setPen(theme.color(token))
        painter.setFont(self.font())
        metrics = QFontMetricsF(self.font())
        room = rect.right() - 14 - x
        words = metrics.elidedText(self.words(), Qt.TextElideMode.ElideRight, room + 1)
        painter.drawText(QRectF(x, rect.y(), room + 2, rect.height()), Qt.AlignmentFlag.AlignVCenter, words)
        if self._hint:
            painter.setOpacity(painter.opacity() * 0.75)
            painter.setFont(self._hint_font)
            painter.drawText(rect.adjusted(0, 0, -14, 0), _RIGHT, self._hint)


_RIGHT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight


class IconButton(PaintedButton):
    """Checkable ones show the accent while on. *framed* ones have a box around them."""

    def __init__(
        self,
        icon: str,
        key: str,
        parent: QWidget | None = None,
        *,
        framed: bool = True,
        side: int = 36,
        **values: Any,
    ) -> None:
        super().__init__(parent)
        self._icon = icon
        self._framed = framed
        self._side = side
        bind_text(self.set_name, key, **values)

    def set_icon(self, name: str) -> None:
        self._icon = name
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._side, self._side)

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        if not self.isEnabled():
            painter.setOpacity(0.5)
        rect = QRectF(self.rect())
        on = self.isCheckable() and self.isChecked()
        hover = self.isEnabled() and (self.underMouse() or self.isDown())
        if self._framed or hover:
            share = 0.12 if self.isDown() else 0.06 if hover else 0.0
            fill = mix(theme.color("raised"), theme.color("text"), share)
            border = theme.color("accent" if on else "border") if self._framed else None
            box(painter, rect, fill, border, RADIUS, 1.5 if on else 1.0)
        icon = round(self._side * 0.5)
        middle = QRectF(rect.center().x() - icon / 2, rect.center().y() - icon / 2, icon, icon)
        icons.paint(painter, self._icon, middle, "accent" if on else "text" if self._framed else "muted")
        if self.ring:
            focus_ring(painter, rect, RADIUS)
