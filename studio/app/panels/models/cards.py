"""The cards of models: five hundred as quickly as five, only what is seen is painted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import (
    QKeyEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QWidget,
)

from studio.app import theme
from studio.app.language import bind_text
from studio.app.observable import watch
from studio.app.panels.models.card import GAP, HEIGHT, STATE, CardPainter
from studio.app.panels.models.state import ModelState
from studio.app.panels.models.viewmodel import ModelsModel
from studio.app.panels.models.words import (
    licence_words,
    short_speed_line,
    size_words,
    tasks_of,
)

LEAST = 300  # pixels of a card's width
REST = 150  # milliseconds without scrolling until what is seen is judged

_Index = QModelIndex | QPersistentModelIndex


class CardList(QAbstractListModel):
    """The ids that are shown; what each card says is read from the view-model when it is painted."""

    def __init__(self, model: ModelsModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self.ids: tuple[str, ...] = ()
        self._rows: dict[str, int] = {}
        watch(model.touched, self._touched)

    def show(self, ids: Sequence[str]) -> None:
        """Replace them all."""
        self.beginResetModel()
        self.ids = tuple(ids)
        self._rows = {model_id: row for row, model_id in enumerate(self.ids)}
        self.endResetModel()

    def row_of(self, model_id: str) -> int | None:
        return self._rows.get(model_id)

    def state(self, row: int) -> ModelState | None:
        """None for one that has gone a moment ago."""
        card = self._model.cards.get(self.ids[row])
        return card.value if card is not None else None

    def _touched(self, model_id: str) -> None:
        row = self._rows.get(model_id)
        if row is not None:
            index = self.index(row)
            self.dataChanged.emit(index, index)

    # --- what Qt asks ---------------------------------------------------------------------------

    def rowCount(self, parent: _Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.ids)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        state = self.state(index.row())
        if state is None:
            return None
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return state.title
        if role == STATE:
            return state
        if role == Qt.ItemDataRole.AccessibleDescriptionRole:
            licence = licence_words(state.model.licence)
            return ", ".join([tasks_of(state.model), size_words(state), licence, short_speed_line(state)[1]])
        return None


class CardView(QListView):
    """`chosen` carries the id of the card that is looked at, `entered` when its details are asked for."""

    chosen = Signal(str)
    entered = Signal(str)

    def __init__(self, model: ModelsModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self.list = CardList(model, self)
        self.setModel(self.list)
        self.setItemDelegate(CardPainter(self))
        self.setViewMode(QListView.ViewMode.IconMode)
        self.setMovement(QListView.Movement.Static)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)  # its coming would move cards
        bar = self.verticalScrollBar()
        bar.rangeChanged.connect(lambda least, most: bar.setEnabled(most > least))
        # What passes by while it is scrolled is not looked at.
        self._resting = QTimer(self, singleShot=True, interval=REST)
        self._resting.timeout.connect(self._look)
        bar.valueChanged.connect(self._rest)
        self.setMouseTracking(True)
        self.setFrameShape(QListView.Shape.NoFrame)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)  # scrolling moves what is there
        self.setProperty("plain", True)
        bind_text(self.setAccessibleName, "models.cards")
        self.selectionModel().currentChanged.connect(self._changed)
        self.clicked.connect(lambda index: self.entered.emit(self.list.ids[index.row()]))
        self._fit()

    def show_ids(self, ids: Sequence[str]) -> None:
        """Replace the cards; the chosen one stays chosen while it is among them, and the place is kept."""
        current, place = self.current(), self.verticalScrollBar().value()
        self.list.show(ids)
        if current is not None:
            self.choose(current)
        self.verticalScrollBar().setValue(place)
        self._resting.start()

    def current(self) -> str | None:
        row = self.currentIndex().row()
        return self.list.ids[row] if 0 <= row < len(self.list.ids) else None

    def choose(self, model_id: str) -> None:
        """Go to a card, if it is shown."""
        row = self.list.row_of(model_id)
        if row is not None:
            self.setCurrentIndex(self.list.index(row))

    def show_current(self) -> None:
        """Scroll to the chosen card."""
        self.scrollTo(self.currentIndex())

    def seen(self) -> list[str]:
        """The ids of the cards in sight."""
        rect = self.viewport().rect()
        first = self.indexAt(rect.topLeft() + self._inside()).row()
        step = max(1, self.viewport().width() // self.gridSize().width())
        count = step * (rect.height() // self.gridSize().height() + 2)
        return list(self.list.ids[max(0, first) : max(0, first) + count])

    def _inside(self) -> Any:
        return QPointF(GAP, GAP).toPoint()

    def _rest(self, _: int) -> None:
        self._resting.start()

    def _look(self) -> None:
        self._model.look_at(self.seen())

    def _changed(self, index: QModelIndex) -> None:
        if index.isValid():
            self.chosen.emit(self.list.ids[index.row()])

    def _fit(self) -> None:
        room = self.viewport().width() - 1
        count = max(1, room // (LEAST + GAP))
        if self.gridSize().width() != room // count:
            self.setGridSize(QSize(room // count, HEIGHT + GAP))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        current = self.current()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and current is not None:
            self.entered.emit(current)
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
