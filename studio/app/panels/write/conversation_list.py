"""The conversations at the side: search, open, rename in place, delete."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from PySide6.QtCore import (
    QAbstractListModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QPointF,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QAction,
    QContextMenuEvent,
    QFontMetricsF,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
)
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLineEdit,
    QListView,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from studio.app import fonts, icons, theme
from studio.app.language import bind_text, on_language
from studio.app.widgets.button import Button
from studio.app.widgets.label import Label
from studio.app.widgets.paint import RADIUS, box, dot
from studio.app.widgets.text_area import SearchField
from studio.domain.job import JobState
from studio.domain.text import t

WIDTH = 232
ROW = 52
MORE = 30  # the width of the place that opens a row's menu
NOTES = {
    JobState.WAITING: "write.waiting",
    JobState.RUNNING: "write.writing",
    JobState.CANCELLING: "strip.stopping",
}
_Index = QModelIndex | QPersistentModelIndex


class Row(Struct, frozen=True):
    """`updated`: POSIX seconds. `answer`: how the one that is on its way in it stands."""

    id: str
    title: str
    updated: float
    answer: JobState | None = None

    @property
    def note(self) -> str:
        """What happens in it now, else when it was used last."""
        return t(NOTES[self.answer]) if self.answer in NOTES else when(self.updated)


class ConversationSide(QWidget):
    """`search`, `new` and `rows` from the top."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedWidth(WIDTH)
        self.search = SearchField("write.search")
        self.new = Button("write.new", "new_chat")
        self.rows = ConversationRows()
        self._nothing = Label("write.none_found", "muted", wrap=True)
        self._nothing.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._nothing.setContentsMargins(16, 24, 16, 0)
        top = QVBoxLayout()
        top.setContentsMargins(14, 0, 14, 0)
        top.setSpacing(10)
        line = QHBoxLayout()
        line.addWidget(self.new)
        line.addStretch(1)
        top.addLayout(line)
        top.addWidget(self.search)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 18, 1, 12)
        column.setSpacing(10)
        column.addLayout(top)
        column.addWidget(self._nothing)
        column.addWidget(self.rows, 1)

    def set_rows(self, rows: Sequence[Row], current: str) -> None:
        self.rows.set_rows(rows, current)
        self._nothing.setVisible(not rows and bool(self.search.text().strip()))

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface"))
        painter.fillRect(self.width() - 1, 0, 1, self.height(), theme.color("border"))


class ConversationRows(QListView):
    """All signals carry a conversation's id; `renamed` also its new title."""

    chosen = Signal(str)
    renamed = Signal(str, str)
    delete_requested = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = _Model(self)
        self._later: tuple[Sequence[Row], str] | None = None
        self.setModel(self._model)
        delegate = _Delegate(self)
        delegate.closeEditor.connect(lambda *_: self._edited())
        self.setItemDelegate(delegate)
        self.setUniformItemSizes(True)
        self.setFrameShape(QListView.Shape.NoFrame)
        self.setMouseTracking(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setEditTriggers(QListView.EditTrigger.EditKeyPressed)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.DefaultContextMenu)
        bind_text(self.setAccessibleName, "write.conversations")
        on_language(self.viewport().update)
        self._model.renamed.connect(self.renamed)
        self.selectionModel().currentChanged.connect(self._current_changed)

    def set_rows(self, rows: Sequence[Row], current: str) -> None:
        """Show them and mark the *current* one. Silent; waits while a title is being changed."""
        if self.state() == QListView.State.EditingState:
            self._later = (rows, current)
            return
        self.selectionModel().blockSignals(True)
        self._model.set_rows(list(rows))
        row = next((i for i, each in enumerate(rows) if each.id == current), -1)
        if row != self.currentIndex().row() or row < 0:
            self.setCurrentIndex(self._model.index(row) if row >= 0 else QModelIndex())
        self.selectionModel().blockSignals(False)
        self.viewport().update()

    def id_at(self, index: _Index) -> str | None:
        return self._model.rows[index.row()].id if 0 <= index.row() < len(self._model.rows) else None

    def menu(self, index: _Index) -> QMenu:
        """What can be done with a row."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        rename = QAction(icons.icon("edit"), t("write.rename"), menu)
        rename.triggered.connect(lambda: self.edit(self._model.index(index.row())))
        delete = QAction(icons.icon("delete"), t("write.delete"), menu)
        delete.triggered.connect(lambda: self._delete(index))
        menu.addAction(rename)
        menu.addAction(delete)
        return menu

    def _delete(self, index: _Index) -> None:
        chosen = self.id_at(index)
        if chosen is not None:
            self.delete_requested.emit(chosen)

    def _edited(self) -> None:
        if self._later is not None:
            (rows, current), self._later = self._later, None
            self.setState(QListView.State.NoState)
            self.set_rows(rows, current)

    def _current_changed(self, current: QModelIndex, _: QModelIndex) -> None:
        chosen = self.id_at(current)
        if chosen is not None:
            self.chosen.emit(chosen)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        by_key = event.reason() == QContextMenuEvent.Reason.Keyboard
        index = self.currentIndex() if by_key else self.indexAt(event.pos())
        if index.isValid():
            where = self.visualRect(index).center() if by_key else event.pos()
            self.menu(index).popup(self.viewport().mapToGlobal(where))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self.indexAt(event.position().toPoint())
        if index.isValid() and event.position().x() > self.viewport().width() - MORE - 8:
            self.menu(index).popup(self.viewport().mapToGlobal(event.position().toPoint() + QPoint(0, 8)))
            return
        super().mousePressEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Delete and self.currentIndex().isValid():
            self._delete(self.currentIndex())
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers():
            self._current_changed(self.currentIndex(), QModelIndex())
        else:
            super().keyPressEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.viewport().update()

    def minimumSizeHint(self) -> QSize:
        return QSize(120, ROW)


class _Model(QAbstractListModel):
    renamed = Signal(str, str)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.rows: list[Row] = []

    def set_rows(self, rows: list[Row]) -> None:
        if [row.id for row in rows] == [row.id for row in self.rows]:
            for index, (new, old) in enumerate(zip(rows, self.rows, strict=True)):
                if new != old:
                    self.rows[index] = new
                    self.dataChanged.emit(self.index(index), self.index(index))
            return
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def rowCount(self, parent: _Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        roles = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole, Qt.ItemDataRole.AccessibleTextRole)
        return self.rows[index.row()].title if role in roles else None

    def setData(self, index: _Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        if role != Qt.ItemDataRole.EditRole:
            return False
        self.renamed.emit(self.rows[index.row()].id, str(value))
        return True

    def flags(self, index: _Index) -> Qt.ItemFlag:
        return super().flags(index) | Qt.ItemFlag.ItemIsEditable


class _Delegate(QStyledItemDelegate):
    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        del option, index
        return QSize(WIDTH - 16, ROW)

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: _Index) -> QWidget:
        del option, index
        editor = QLineEdit(parent)
        editor.setProperty("compact", True)
        editor.setAccessibleName(t("write.rename"))
        return editor

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: _Index) -> None:
        del index
        editor.setGeometry(option.rect.adjusted(10, 9, -10, -9))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        model = index.model()
        if not isinstance(model, _Model):
            return
        row = model.rows[index.row()]
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        hover = bool(option.state & QStyle.StateFlag.State_MouseOver)
        focus = bool(option.state & QStyle.StateFlag.State_HasFocus)
        painter.save()
        rect = QRectF(option.rect).adjusted(8, 2, -8, -2)
        if chosen or hover:
            border = theme.color("accent") if focus else None
            box(painter, rect, theme.color("soft_accent" if chosen else "raised"), border, RADIUS)
        inner = rect.adjusted(10, 5, -(MORE if chosen or hover else 8), -5)
        title, small = fonts.ui_font(fonts.LABEL, bold=chosen), fonts.ui_font(fonts.SMALL)
        painter.setFont(title)
        painter.setPen(theme.color("text"))
        words = QFontMetricsF(title).elidedText(row.title, Qt.TextElideMode.ElideRight, inner.width())
        half = inner.height() / 2
        painter.drawText(inner.adjusted(0, 0, 0, -half), Qt.AlignmentFlag.AlignVCenter, words)
        lower = inner.adjusted(0, half, 0, 0)
        painter.setFont(small)
        if row.answer in NOTES:
            color = theme.color("muted" if row.answer is JobState.WAITING else "accent")
            dot(painter, QPointF(lower.x() + 4, lower.center().y()), color)
            lower.adjust(14, 0, 0, 0)
        painter.setPen(theme.color("text" if chosen else "muted"))
        painter.drawText(lower, Qt.AlignmentFlag.AlignVCenter, row.note)
        if chosen or hover:
            side = 18.0
            more = QRectF(rect.right() - MORE + 6, rect.center().y() - side / 2, side, side)
            icons.paint(painter, "more", more, "muted")
        painter.restore()


def when(posix: float) -> str:
    """The hour of something today, the day of anything earlier, as the language writes it."""
    moment = datetime.fromtimestamp(posix).astimezone()
    now = datetime.now().astimezone()
    if moment.date() == now.date():
        return f"{moment:%H:%M}"
    key = "write.day" if moment.year == now.year else "write.day_year"
    return t(key, year=moment.year, month=moment.month, day=moment.day, name=t(f"write.month.{moment.month}"))
