"""A drop-down box painted from the theme: `ComboBox([(value, key), ...])`, `value`, `changed`."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import (
    QComboBox,
    QSizePolicy,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from studio.app import fonts, icons, theme
from studio.app.language import on_language
from studio.app.widgets.paint import RADIUS, box, mix
from studio.domain.text import t


class ComboBox(QComboBox):
    """A text that is no key of the catalogue is shown as it stands. `set_value` is silent."""

    changed = Signal(object)

    def __init__(self, options: Sequence[tuple[object, str]] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._options: list[tuple[object, str]] = []
        self.setItemDelegate(_Row(self))
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setMaxVisibleItems(14)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        # "To contents" would shrink the box behind the layout's back whenever a text changes.
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.activated.connect(self._activated)
        self.set_options(options)
        on_language(self._retranslate)

    def set_options(self, options: Sequence[tuple[object, str]]) -> None:
        """Replace what is offered; the value stays where it is still among them."""
        value = self.value
        self._options = list(options)
        self.clear()
        self.addItems([self.title(each, key) for each, key in self._options])
        self.set_value(value)
        self.updateGeometry()

    def title(self, value: object, key: str) -> str:
        """The words of one option, in the current language."""
        del value
        return t(key)

    @property
    def value(self) -> object:
        index = self.currentIndex()
        return self._options[index][0] if 0 <= index < len(self._options) else None

    def set_value(self, value: object) -> None:
        values = [each for each, _ in self._options]
        self.setCurrentIndex(values.index(value) if value in values else -1)

    def _activated(self, index: int) -> None:
        self.changed.emit(self._options[index][0])

    def _retranslate(self) -> None:
        for index, (value, key) in enumerate(self._options):
            self.setItemText(index, self.title(value, key))

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()  # a form is scrolled over its boxes without changing them

    def sizeHint(self) -> QSize:
        metrics = QFontMetricsF(fonts.ui_font())
        widest = max((metrics.horizontalAdvance(self.itemText(i)) for i in range(self.count())), default=60.0)
        return QSize(round(widest) + 48, 36)

    def minimumSizeHint(self) -> QSize:
        return QSize(72, 36)

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        if not self.isEnabled():
            painter.setOpacity(0.5)
        rect = QRectF(self.rect())
        focused = self.hasFocus()
        hover = self.isEnabled() and self.underMouse()
        fill = mix(theme.color("background"), theme.color("text"), 0.04 if hover else 0.0)
        border = theme.color("accent" if focused else "border")
        box(painter, rect, fill, border, RADIUS, 2.0 if focused else 1.0)
        self.paint_content(painter, rect.adjusted(11, 0, -34, 0))
        icons.paint(painter, "chevron_down", QRectF(rect.right() - 29, rect.center().y() - 9, 18, 18))

    def paint_content(self, painter: QPainter, rect: QRectF) -> None:
        """What stands in the closed box."""
        painter.setFont(self.font())
        chosen = self.currentIndex() >= 0
        painter.setPen(theme.color("text" if chosen else "muted"))
        words = self.currentText() if chosen else self.placeholderText()
        shown = QFontMetricsF(self.font()).elidedText(words, Qt.TextElideMode.ElideRight, rect.width())
        painter.drawText(rect, Qt.AlignmentFlag.AlignVCenter, shown)

    def paint_row(self, painter: QPainter, rect: QRectF, index: int) -> None:
        """What stands in one row of the list, inside its paddings."""
        painter.setFont(self.font())
        painter.setPen(theme.color("text"))
        words = QFontMetricsF(self.font()).elidedText(
            self.itemText(index), Qt.TextElideMode.ElideRight, rect.width()
        )
        painter.drawText(rect, Qt.AlignmentFlag.AlignVCenter, words)


class _Row(QStyledItemDelegate):
    """A row of the list: a soft box on the one under mouse or keyboard, a tick at the chosen one."""

    def __init__(self, combo: ComboBox) -> None:
        super().__init__(combo)
        self._combo = combo

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        del option, index
        return QSize(80, 34)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        painter.save()
        rect = QRectF(option.rect)
        if option.state & QStyle.StateFlag.State_Selected:
            box(painter, rect, theme.color("soft_accent"), None, RADIUS - 2)
        self._combo.paint_row(painter, rect.adjusted(10, 0, -32, 0), index.row())
        if index.row() == self._combo.currentIndex():
            icons.paint(painter, "check", QRectF(rect.right() - 26, rect.center().y() - 8, 16, 16), "accent")
        painter.restore()
