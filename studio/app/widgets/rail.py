"""The rail at the left: where one can go, icons with words. `add`, `set_current`, `chosen`."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QKeyEvent, QLinearGradient, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from studio.app import fonts, icons, theme
from studio.app.language import bind_text
from studio.app.widgets.button import PaintedButton
from studio.app.widgets.paint import RADIUS, box, focus_ring

WIDTH = 84
_LOGO = ("#8b93ff", "#c76bd6")
_STEP = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}


class Rail(QWidget):
    """Two groups, top and bottom. Up and Down move; Enter or Space goes there. `chosen` carries the key."""

    chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._items: dict[str, _Item] = {}
        self.setFixedWidth(WIDTH)
        bind_text(self.setAccessibleName, "app.rail")
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(8, 14, 8, 8)
        self._column.setSpacing(2)
        self._column.addWidget(_Logo(), 0, Qt.AlignmentFlag.AlignHCenter)
        self._column.addSpacing(8)
        self._top = QVBoxLayout()
        self._bottom = QVBoxLayout()
        for group in (self._top, self._bottom):
            group.setSpacing(2)
        self._column.addLayout(self._top)
        self._column.addStretch(1)
        self._column.addLayout(self._bottom)

    def add(self, key: str, icon: str, title_key: str, group: str = "top") -> None:
        """*group*: "top" or "bottom"."""
        item = _Item(icon, title_key)
        item.clicked.connect(lambda: self._go(key))
        self._items[key] = item
        (self._bottom if group == "bottom" else self._top).addWidget(item)

    def set_current(self, key: str) -> None:
        """Show where one is, silently."""
        for each, item in self._items.items():
            item.setChecked(each == key)

    def button(self, key: str) -> PaintedButton:
        """KeyError if there is none."""
        return self._items[key]

    def _go(self, key: str) -> None:
        self.set_current(key)
        self.chosen.emit(key)

    def _ordered(self) -> list[_Item]:
        return sorted(self._items.values(), key=_Item.y)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = _STEP.get(Qt.Key(event.key()))
        items = self._ordered()
        at = next((index for index, item in enumerate(items) if item.hasFocus()), None)
        if step is None or at is None:
            super().keyPressEvent(event)
        else:
            items[(at + step) % len(items)].setFocus(Qt.FocusReason.TabFocusReason)

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface"))
        painter.fillRect(self.width() - 1, 0, 1, self.height(), theme.color("border"))


class _Item(PaintedButton):
    def __init__(self, icon: str, title_key: str) -> None:
        super().__init__()
        self._icon = icon
        self.setCheckable(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        bind_text(self.setText, title_key)

    def nextCheckState(self) -> None:
        """A click chooses; a second one does not leave nothing chosen."""
        self.setChecked(True)

    def sizeHint(self) -> QSize:
        return QSize(68, 56)

    def minimumSizeHint(self) -> QSize:
        return QSize(68, 44)

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        rect = QRectF(self.rect())
        on = self.isChecked()
        token = "accent" if on else "text" if self.underMouse() else "muted"
        if on or self.underMouse():
            box(painter, rect, theme.color("soft_accent" if on else "raised"), None, RADIUS)
        middle = rect.center()
        icons.paint(painter, self._icon, QRectF(middle.x() - 10, middle.y() - 20, 20, 20), token)
        font = fonts.ui_font(fonts.SMALL, bold=on)
        painter.setFont(font)
        painter.setPen(theme.color(token))
        words = QFontMetricsF(font).elidedText(self.words(), Qt.TextElideMode.ElideRight, rect.width() - 2)
        place = QRectF(rect.x(), middle.y() + 3, rect.width(), 18)
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, words)
        if self.ring:
            focus_ring(painter, rect, RADIUS)


class _Logo(QWidget):
    def __init__(self) -> None:
        super().__init__()
        self.setFixedSize(34, 34)

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        rect = QRectF(self.rect())
        gradient = QLinearGradient(QPointF(0, 0), QPointF(34, 34))
        for position, color in enumerate(_LOGO):
            gradient.setColorAt(position, QColor(color))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(gradient)
        painter.drawRoundedRect(rect, 9, 9)
