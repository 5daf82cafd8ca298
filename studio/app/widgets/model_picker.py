"""The model in use, in bold with a pill of facts behind it: `set_models`, `value`, `changed`."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter
from PySide6.QtWidgets import QWidget

from studio.app import fonts, icons, theme
from studio.app.language import bind_text
from studio.app.widgets.combo import ComboBox
from studio.app.widgets.paint import box


class ModelItem(Struct, frozen=True):
    """*note* is the pill ("installed - 58 MB"), already in the user's language."""

    id: str
    title: str
    note: str = ""


class ModelPicker(ComboBox):
    """The value is a model's id. While there is none, it shows the words of *empty_key*."""

    def __init__(self, empty_key: str = "app.model.none", parent: QWidget | None = None) -> None:
        self._items: tuple[ModelItem, ...] = ()
        super().__init__((), parent)
        bind_text(self.setPlaceholderText, empty_key)
        bind_text(self.setAccessibleName, "app.model")

    def set_models(self, items: Sequence[ModelItem]) -> None:
        """Replace what is offered; the chosen one stays where it is still among them."""
        self._items = tuple(items)
        self.set_options([(item.id, item.title) for item in self._items])

    def sizeHint(self) -> QSize:
        bold, small = (QFontMetricsF(fonts.ui_font(s, bold=b)) for s, b in ((fonts.BODY, True), (12, False)))
        widest = max(
            (bold.horizontalAdvance(i.title) + small.horizontalAdvance(i.note) for i in self._items),
            default=200.0,
        )
        return QSize(min(max(round(widest) + 118, 322), 520), 38)

    def minimumSizeHint(self) -> QSize:
        return QSize(200, 38)

    def paint_content(self, painter: QPainter, rect: QRectF) -> None:
        icons.paint(painter, "models", QRectF(rect.x(), rect.center().y() - 8, 16, 16))
        rect = rect.adjusted(24, 0, 0, 0)
        if 0 <= self.currentIndex() < len(self._items):
            _paint_model(painter, rect, self._items[self.currentIndex()])
        else:
            super().paint_content(painter, rect)

    def paint_row(self, painter: QPainter, rect: QRectF, index: int) -> None:
        _paint_model(painter, rect, self._items[index], bold=index == self.currentIndex())


def _paint_model(painter: QPainter, rect: QRectF, item: ModelItem, *, bold: bool = True) -> None:
    name, small = fonts.ui_font(fonts.BODY, bold=bold), fonts.ui_font(fonts.SMALL)
    note_width = QFontMetricsF(small).horizontalAdvance(item.note) + 20 if item.note else 0.0
    room = rect.width() - (note_width + 10 if item.note else 0.0)
    title = QFontMetricsF(name).elidedText(item.title, Qt.TextElideMode.ElideRight, room)
    painter.setFont(name)
    painter.setPen(theme.color("text"))
    painter.drawText(rect, Qt.AlignmentFlag.AlignVCenter, title)
    if item.note:
        x = rect.x() + QFontMetricsF(name).horizontalAdvance(title) + 10
        pill = QRectF(x, rect.center().y() - 10, note_width, 20)
        box(painter, pill, theme.color("raised"), None, 10)
        painter.setFont(small)
        painter.setPen(theme.color("muted"))
        painter.drawText(pill, Qt.AlignmentFlag.AlignCenter, item.note)
