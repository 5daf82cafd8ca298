"""Small pictures in a row: `set_items([Thumbnail(...)])`, `set_picture`, `current`, `chosen`, `activated`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct
from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QImage, QMouseEvent, QPainter, QPainterPath, QPixmap, QWheelEvent
from PySide6.QtWidgets import (
    QApplication,
    QListView,
    QSizePolicy,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from studio.app import files, icons, theme
from studio.app.language import bind_text
from studio.app.widgets.paint import RADIUS, box

_Index = QModelIndex | QPersistentModelIndex


class Thumbnail(Struct, frozen=True):
    """*title* is what a screen reader says. Without a *picture* (yet) its *icon* is shown."""

    id: str
    title: str
    picture: QImage | None = None
    path: Path | None = None
    icon: str = "draw"


class ThumbnailStrip(QListView):
    """One row that scrolls sideways. `chosen` carries the id now shown, `activated_id` one double-clicked."""

    chosen = Signal(object)
    activated_id = Signal(object)

    def __init__(self, parent: QWidget | None = None, *, side: int = 84) -> None:
        super().__init__(parent)
        self._side = side
        self._model = _Model(side, self)
        self._pressed = False
        self.setModel(self._model)
        self.setItemDelegate(_Delegate(side, self))
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(False)
        self.setUniformItemSizes(True)
        self.setSpacing(0)
        self.setFrameShape(QListView.Shape.NoFrame)
        self.setMouseTracking(True)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setHorizontalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setProperty("strip", True)
        bind_text(self.setAccessibleName, "app.results")
        self.selectionModel().currentChanged.connect(self._current_changed)
        self.doubleClicked.connect(lambda index: self.activated_id.emit(self._model.items[index.row()].id))

    def set_items(self, items: Sequence[Thumbnail]) -> None:
        """Replace all; the current one stays where it is still among them. Silent."""
        current = self.current
        self.selectionModel().blockSignals(True)
        self._model.set_items(list(items))
        self.selectionModel().blockSignals(False)
        self.set_current(current)

    def set_picture(self, item_id: str, picture: QImage) -> None:
        """The picture of one item, when it has been decoded or has grown. Unknown ids are ignored."""
        self._model.set_picture(item_id, picture)

    @property
    def current(self) -> str | None:
        row = self.currentIndex().row()
        return self._model.items[row].id if 0 <= row < len(self._model.items) else None

    def set_current(self, item_id: str | None) -> None:
        """Silent."""
        row = next((row for row, item in enumerate(self._model.items) if item.id == item_id), -1)
        self.selectionModel().blockSignals(True)
        self.setCurrentIndex(self._model.index(row) if row >= 0 else QModelIndex())
        self.selectionModel().blockSignals(False)
        self.viewport().update()
        if row >= 0:
            self.scrollTo(self._model.index(row))

    def step(self, by: int) -> None:
        """Choose the next (1) or the previous (-1) one, as the arrow keys do."""
        row = self.currentIndex().row() + by
        if 0 <= row < len(self._model.items):
            self.setCurrentIndex(self._model.index(row))

    def _current_changed(self, current: QModelIndex, _: QModelIndex) -> None:
        if current.isValid():
            self.chosen.emit(self._model.items[current.row()].id)

    def sizeHint(self) -> QSize:
        return QSize(4 * self._side, self._side)

    def minimumSizeHint(self) -> QSize:
        return QSize(self._side, self._side)

    def wheelEvent(self, event: QWheelEvent) -> None:
        bar = self.horizontalScrollBar()
        bar.setValue(bar.value() - (event.angleDelta().y() or event.angleDelta().x()))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._pressed = event.button() == Qt.MouseButton.LeftButton
        self._origin = event.position().toPoint()
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        moved = self._pressed and (event.position().toPoint() - self._origin).manhattanLength()
        if moved and moved >= QApplication.startDragDistance() and index.isValid():
            self._pressed = False
            item = self._model.items[index.row()]
            if item.path is not None:
                files.drag_out(self, item.path, self._model.pixmap(index.row()))
            return
        super().mouseMoveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._pressed = False
        super().mouseReleaseEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.viewport().update()


class _Model(QAbstractListModel):
    def __init__(self, side: int, parent: QWidget) -> None:
        super().__init__(parent)
        self._side = side
        self.items: list[Thumbnail] = []
        self._pixmaps: dict[str, QPixmap] = {}

    def set_items(self, items: list[Thumbnail]) -> None:
        self.beginResetModel()
        known = {item.id for item in items}
        self._pixmaps = {key: pixmap for key, pixmap in self._pixmaps.items() if key in known}
        for item in items:
            if item.picture is not None and item.id not in self._pixmaps:
                self._pixmaps[item.id] = self._small(item.picture)
        self.items = items
        self.endResetModel()

    def set_picture(self, item_id: str, picture: QImage) -> None:
        for row, item in enumerate(self.items):
            if item.id == item_id:
                self._pixmaps[item_id] = self._small(picture)
                self.dataChanged.emit(self.index(row), self.index(row))

    def _small(self, picture: QImage) -> QPixmap:
        """Square, twice the side for fine screens, cut around the middle."""
        side = self._side * 2
        grown = picture.scaled(
            side,
            side,
            Qt.AspectRatioMode.KeepAspectRatioByExpanding,
            Qt.TransformationMode.SmoothTransformation,
        )
        x, y = (grown.width() - side) // 2, (grown.height() - side) // 2
        return QPixmap.fromImage(grown.copy(x, y, side, side))

    def pixmap(self, row: int) -> QPixmap | None:
        return self._pixmaps.get(self.items[row].id)

    def rowCount(self, parent: _Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.items)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return self.items[index.row()].title
        return None


class _Delegate(QStyledItemDelegate):
    def __init__(self, side: int, parent: QWidget) -> None:
        super().__init__(parent)
        self._side = side

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        del option, index
        return QSize(self._side + 8, self._side)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        model = index.model()
        if not isinstance(model, _Model):
            return
        painter.save()
        rect = QRectF(option.rect.x(), option.rect.y(), self._side, self._side)
        state = option.state
        chosen = bool(state & QStyle.StateFlag.State_Selected)
        hover = bool(state & QStyle.StateFlag.State_MouseOver)
        outline = QPainterPath()
        outline.addRoundedRect(rect.adjusted(1, 1, -1, -1), RADIUS, RADIUS)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        painter.fillPath(outline, theme.color("raised"))
        pixmap = model.pixmap(index.row())
        if pixmap is None:
            quarter = self._side * 0.36
            icons.paint(
                painter,
                model.items[index.row()].icon,
                rect.adjusted(quarter, quarter, -quarter, -quarter),
                "muted",
            )
        else:
            painter.setClipPath(outline)
            painter.drawPixmap(rect, pixmap, QRectF(pixmap.rect()))
            painter.setClipping(False)
        border = "accent" if chosen else "muted" if hover else "border"
        box(painter, rect, None, theme.color(border), RADIUS + 1, 2.0 if chosen else 1.0)
        painter.restore()
