"""Tiles of results, ten thousand as quickly as ten: only what is seen is asked for, measured and painted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QItemSelection,
    QItemSelectionModel,
    QMimeData,
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRectF,
    QSignalBlocker,
    QSize,
    Qt,
    QUrl,
    Signal,
)
from PySide6.QtGui import (
    QFontMetricsF,
    QKeyEvent,
    QKeySequence,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QResizeEvent,
    QTextLayout,
    QTextLine,
    QTextOption,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)

from studio.app import fonts, icons, theme
from studio.app.language import bind_text
from studio.app.panels.gallery.thumbnails import Thumbnail, Thumbnails
from studio.app.strip_feed import ICONS
from studio.app.widgets.paint import CARD_RADIUS, box, focus_ring
from studio.domain.quantity import length
from studio.services.gallery import Result

LEAST_SIDE = 156  # of a tile; it grows to fill the row
GAP = 14
CAPTION = 28

_Index = QModelIndex | QPersistentModelIndex


def title_of(result: Result) -> str:
    """Its first words, else its file's name."""
    return " ".join(result.prompt.split())[:120] or result.path.name


def icon_of(result: Result) -> str:
    return ICONS.get(result.task, "file")


class ResultList(QAbstractListModel):
    """The results, and their thumbnails as they come."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.results: Sequence[Result] = ()
        self._rows: dict[int, int] = {}
        self.thumbnails = Thumbnails(self._arrived)

    def show(self, results: Sequence[Result]) -> None:
        """Replace them all."""
        self.beginResetModel()
        self.results = results
        self._rows = {result.id: row for row, result in enumerate(results)}
        self.endResetModel()
        self.thumbnails.keep_only(set(self._rows))

    def row_of(self, result: Result) -> int | None:
        return self._rows.get(result.id)

    def _arrived(self, result_id: int) -> None:
        row = self._rows.get(result_id)
        if row is not None:
            index = self.index(row)
            self.dataChanged.emit(index, index, [Qt.ItemDataRole.DecorationRole])

    # --- what Qt asks ---------------------------------------------------------------------------

    def rowCount(self, parent: _Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.results)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return title_of(self.results[index.row()])
        return None

    def flags(self, index: _Index) -> Qt.ItemFlag:
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        flag = Qt.ItemFlag
        return flag.ItemIsEnabled | flag.ItemIsSelectable | flag.ItemIsDragEnabled | flag.ItemNeverHasChildren

    def supportedDragActions(self) -> Qt.DropAction:
        return Qt.DropAction.CopyAction

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:
        """The files themselves, for whatever program they are dropped on."""
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(self.results[index.row()].path)) for index in indexes])
        return data


class ResultGrid(QListView):
    """`chosen` carries the selected results in the order of the list, `opened` one to show large.

    `delete_pressed`: the key that means it everywhere, beside the one of the table that can be changed.
    """

    chosen = Signal(object)
    opened = Signal(object)
    delete_pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.list = ResultList(self)
        self.setModel(self.list)
        self.setItemDelegate(_Tile(self))
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setMovement(QListView.Movement.Static)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setLayoutMode(QListView.LayoutMode.Batched)
        self.setBatchSize(500)
        self.setUniformItemSizes(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setDragEnabled(True)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(
            Qt.ScrollBarPolicy.ScrollBarAlwaysOn
        )  # its coming would move the tiles
        bar = self.verticalScrollBar()
        bar.rangeChanged.connect(lambda least, most: bar.setEnabled(most > least))
        self.setMouseTracking(True)
        self.setFrameShape(QListView.Shape.NoFrame)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)  # scrolling moves what is there
        self.setProperty("plain", True)
        bind_text(self.setAccessibleName, "app.results")
        self.selectionModel().selectionChanged.connect(self._changed)
        self.doubleClicked.connect(self._open)
        self._fit()

    def show_results(self, results: Sequence[Result]) -> None:
        """Replace them; what stays keeps its selection, and the place in the list is kept. Silent."""
        selected, current = self.selected(), self.current()
        place = self.verticalScrollBar().value()
        with QSignalBlocker(self):
            self.list.show(results)
            self.select(selected, current)
        self.verticalScrollBar().setValue(place)

    def selected(self) -> list[Result]:
        rows = sorted(index.row() for index in self.selectionModel().selectedIndexes())
        return [self.list.results[row] for row in rows]

    def current(self) -> Result | None:
        row = self.currentIndex().row()
        return self.list.results[row] if 0 <= row < len(self.list.results) else None

    def select(self, results: Sequence[Result], current: Result | None = None) -> None:
        """Select exactly *results*, as far as they are here, and go to *current*. Silent."""
        selection = QItemSelection()
        for result in results:
            row = self.list.row_of(result)
            if row is not None:
                selection.select(self.list.index(row), self.list.index(row))
        row = None if current is None else self.list.row_of(current)
        flag = QItemSelectionModel.SelectionFlag
        with QSignalBlocker(self):
            self.selectionModel().select(selection, flag.ClearAndSelect)
            if row is not None:
                self.selectionModel().setCurrentIndex(self.list.index(row), flag.NoUpdate)
        self.viewport().update()

    def show_place_of(self, result: Result) -> None:
        row = self.list.row_of(result)
        if row is not None:
            self.scrollTo(self.list.index(row))

    def close_down(self) -> None:
        self.list.thumbnails.close()

    def _changed(self, *_: object) -> None:
        self.chosen.emit(self.selected())

    def _open(self, index: QModelIndex) -> None:
        self.opened.emit(self.list.results[index.row()])

    def _fit(self) -> None:
        """As many tiles in a row as there is room for, grown to fill it."""
        room = self.viewport().width() - 1
        count = max(1, room // (LEAST_SIDE + GAP))
        width = room // count
        if self.gridSize().width() != width:
            self.setGridSize(QSize(width, width - GAP + CAPTION + GAP))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.current() is not None:
            self._open(self.currentIndex())
        elif event.matches(QKeySequence.StandardKey.Delete):
            self.delete_pressed.emit()
        else:
            super().keyPressEvent(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        painter.fillRect(event.rect(), theme.color("background"))
        painter.end()
        super().paintEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._fit()
        super().resizeEvent(event)


class _Tile(QStyledItemDelegate):
    """A picture, a waveform or the first lines, and its title below."""

    def __init__(self, grid: ResultGrid) -> None:
        super().__init__(grid)
        self._grid = grid
        self._font = fonts.ui_font(fonts.SMALL)

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        del option, index
        return self._grid.gridSize()

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        result = self._grid.list.results[index.row()]
        painter.save()
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        side = self._grid.gridSize().width() - GAP
        rect = QRectF(option.rect.x() + 1, option.rect.y() + 1, side - 1, side - 1)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        hover = bool(option.state & QStyle.StateFlag.State_MouseOver)
        outline = QPainterPath()
        outline.addRoundedRect(rect, CARD_RADIUS, CARD_RADIUS)
        painter.fillPath(outline, theme.color("surface"))
        painter.setClipPath(outline)
        self._content(painter, rect, result, self._grid.list.thumbnails.get(result))
        painter.setClipping(False)
        border = theme.color("accent" if chosen else "muted" if hover else "border")
        box(painter, rect, None, border, CARD_RADIUS, 2.5 if chosen else 1.0)
        if chosen:
            badge = QRectF(rect.right() - 28, rect.y() + 8, 20, 20)
            box(painter, badge, theme.color("accent"), None, 10)
            icons.paint(painter, "check", badge.adjusted(4, 4, -4, -4), "accent_text")
        if self._grid.hasFocus() and self._grid.currentIndex() == index and not chosen:
            focus_ring(painter, rect, CARD_RADIUS)
        self._caption(painter, QRectF(rect.x(), rect.bottom(), rect.width(), CAPTION), result, chosen)
        painter.restore()

    def _content(self, painter: QPainter, rect: QRectF, result: Result, ready: Thumbnail | None) -> None:
        if ready is None or ready == Thumbnail():
            inset = rect.width() * 0.38
            icons.paint(
                painter,
                icon_of(result),
                rect.adjusted(inset, inset, -inset, -inset),
                "muted",
                0.35 if ready is None else 1.0,
            )
        elif ready.pixmap is not None:
            cover = ready.pixmap.size().scaled(
                rect.size().toSize(), Qt.AspectRatioMode.KeepAspectRatioByExpanding
            )
            target = QRectF(0, 0, cover.width(), cover.height())
            target.moveCenter(rect.center())
            painter.drawPixmap(target, ready.pixmap, QRectF(ready.pixmap.rect()))
        elif ready.peaks:
            self._wave(painter, rect, ready.peaks)
            if result.seconds is not None:
                self._mark(painter, rect, length(result.seconds))
        else:
            self._lines(painter, rect.adjusted(14, 12, -14, -12), ready.text)

    def _wave(self, painter: QPainter, rect: QRectF, peaks: Sequence[float]) -> None:
        room = rect.adjusted(16, 0, -16, 0)
        count = max(1, int(room.width() // 5))
        loudest = max(peaks) or 1.0
        for place in range(count):
            part = peaks[place * len(peaks) // count : max(1, (place + 1) * len(peaks) // count)] or (0.0,)
            half = max(1.5, rect.height() * 0.28 * max(part) / loudest)
            bar = QRectF(room.x() + place * 5, rect.center().y() - half, 3, 2 * half)
            box(painter, bar, theme.color("accent"), None, 1.5)

    def _mark(self, painter: QPainter, rect: QRectF, words: str) -> None:
        painter.setFont(self._font)
        painter.setPen(theme.color("muted"))
        painter.drawText(rect.adjusted(14, 0, -14, -10), Qt.AlignmentFlag.AlignBottom, words)

    def _lines(self, painter: QPainter, rect: QRectF, text: str) -> None:
        """As many lines as there is room for, laid out as plain text."""
        painter.setPen(theme.color("text"))
        layout = QTextLayout(text.strip().replace("\n", "\u2028"), self._font)
        options = QTextOption()
        options.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        layout.setTextOption(options)
        lines: list[QTextLine] = []
        layout.beginLayout()
        y = 0.0
        while (line := layout.createLine()).isValid():
            line.setLineWidth(rect.width())
            line.setPosition(QPointF(0, y))
            y += line.height() + 2
            if y > rect.height():
                break
            lines.append(line)
        layout.endLayout()
        for line in lines:
            line.draw(painter, rect.topLeft())

    def _caption(self, painter: QPainter, rect: QRectF, result: Result, chosen: bool) -> None:
        painter.setFont(self._font)
        painter.setPen(theme.color("text" if chosen else "muted"))
        metrics = QFontMetricsF(self._font)
        words = metrics.elidedText(title_of(result), Qt.TextElideMode.ElideRight, rect.width() - 6)
        painter.drawText(rect.adjusted(3, 0, -3, 0), Qt.AlignmentFlag.AlignVCenter, words)
