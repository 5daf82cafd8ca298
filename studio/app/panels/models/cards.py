"""The cards of models: five hundred as quickly as five, only what is seen is painted."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QColor,
    QFontMetricsF,
    QKeyEvent,
    QLinearGradient,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QResizeEvent,
    QTextLayout,
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
from studio.app.download_bar import download_words, fraction
from studio.app.language import bind_text
from studio.app.licences import TONES as LICENCE_TONES
from studio.app.observable import watch
from studio.app.panels.models.viewmodel import ModelsModel, ModelState, source_of
from studio.app.panels.models.words import (
    icon_of,
    licence_words,
    short_speed_line,
    size_words,
    tasks_of,
)
from studio.app.widgets.chips import paint_pill, pill_size
from studio.app.widgets.paint import CARD_RADIUS, box, focus_ring, mix
from studio.app.widgets.status import paint_status
from studio.domain.text import localized, t

LEAST, HEIGHT, GAP = 300, 186, 14
HEADER, MARGIN, PILL, LINE = 60, 14, 22, 18

_Index = QModelIndex | QPersistentModelIndex


def hue_of(model_family: str) -> float:
    """0..1, the same for all models of a family, so that relatives are seen to be ones."""
    return int.from_bytes(hashlib.sha256(model_family.encode()).digest()[:2], "big") / 65536


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
        self.setItemDelegate(_Card(self))
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
        bar.valueChanged.connect(self._look)
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
        self._look()

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

    def _look(self, *_: object) -> None:
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


class _Card(QStyledItemDelegate):
    """Its family's colour, what it is, what it allows, and whether it runs here."""

    def __init__(self, view: CardView) -> None:
        super().__init__(view)
        self._view = view
        self._title, self._small = fonts.ui_font(fonts.BODY, bold=True), fonts.ui_font(fonts.SMALL)

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        del option, index
        return self._view.gridSize()

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        state = self._view.list.state(index.row())
        if state is None:
            return
        painter.save()
        rect = QRectF(option.rect.x() + 1, option.rect.y() + 1, option.rect.width() - GAP, HEIGHT)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        hover = bool(option.state & QStyle.StateFlag.State_MouseOver)
        self._ground(painter, rect, state)
        self._head(painter, rect, state)
        inner = rect.adjusted(MARGIN, HEADER + 10, -MARGIN, -MARGIN)
        self._pills(painter, inner, state)
        self._words(painter, inner.adjusted(0, PILL + 8, 0, -LINE - 6), state)
        self._foot(painter, QRectF(inner.x(), inner.bottom() - LINE, inner.width(), LINE), state)
        border = theme.color("accent" if chosen else "muted" if hover else "border")
        box(painter, rect, None, border, CARD_RADIUS, 2.0 if chosen else 1.0)
        if self._view.hasFocus() and self._view.currentIndex() == index:
            focus_ring(painter, rect, CARD_RADIUS)
        painter.restore()

    def _ground(self, painter: QPainter, rect: QRectF, state: ModelState) -> None:
        outline = QPainterPath()
        outline.addRoundedRect(rect, CARD_RADIUS, CARD_RADIUS)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillPath(outline, theme.color("surface"))
        hue = hue_of(state.model.family)
        band = QLinearGradient(rect.topLeft(), rect.topRight())
        for at, turn in ((0.0, 0.0), (1.0, 0.09)):
            tint = QColor.fromHslF((hue + turn) % 1.0, 0.5, 0.5)
            band.setColorAt(at, mix(theme.color("surface"), tint, 0.28))
        painter.setClipRect(rect.adjusted(0, 0, 0, HEADER - HEIGHT))
        painter.fillPath(outline, band)
        painter.setClipping(False)

    def _head(self, painter: QPainter, rect: QRectF, state: ModelState) -> None:
        model = state.model
        icons.paint(painter, icon_of(model), QRectF(rect.x() + MARGIN, rect.y() + 19, 22, 22), "text")
        right = rect.right() - MARGIN
        if state.here:
            icons.paint(painter, "done", QRectF(right - 20, rect.y() + 20, 20, 20), "ok")
            right -= 28
        place = QRectF(rect.x() + MARGIN + 34, rect.y() + 11, right - rect.x() - MARGIN - 34, 20)
        self._line(painter, place, state.title, self._title, "text")
        self._line(painter, place.translated(0, 19), source_of(model), self._small, "text")

    def _pills(self, painter: QPainter, inner: QRectF, state: ModelState) -> None:
        model = state.model
        pills = [(tasks_of(model), "", "muted"), (size_words(state), "", "muted")]
        if state.mode == "coming":
            pills.insert(0, (t("models.coming"), "clock", "accent"))
        if model.licence.gated:
            pills.append(("", "lock", "warning"))
        tone = LICENCE_TONES[model.licence.commercial]
        pills.append((t(f"licence.{model.licence.commercial}.short"), "licence", tone))
        x = inner.x()
        for words, icon, token in pills:
            size = pill_size(words, icon, self._small, PILL)
            width = size.width() - (8 if not words else 0)
            if x + width > inner.right() + 1:
                break
            pill = QRectF(x, inner.y(), width, PILL)
            box(painter, pill, theme.color("raised"), None, PILL / 2)
            paint_pill(painter, pill, words, icon, self._small, token)
            x += width + 6

    def _words(self, painter: QPainter, rect: QRectF, state: ModelState) -> None:
        """Two lines of its description, as plain text."""
        painter.setPen(theme.color("muted"))
        words = localized(state.model.description)
        layout = QTextLayout(words, self._small)
        layout.beginLayout()
        first = layout.createLine()
        first.setLineWidth(rect.width())
        rest = words[first.textStart() + first.textLength() :]
        layout.endLayout()
        first.draw(painter, rect.topLeft())
        if rest:
            self._line(
                painter, QRectF(rect.x(), rect.y() + LINE, rect.width(), LINE), rest, self._small, "muted"
            )

    def _foot(self, painter: QPainter, rect: QRectF, state: ModelState) -> None:
        """How far its download is, else whether it runs here."""
        painter.setFont(self._small)
        if state.mode != "moving" or state.download is None:
            paint_status(painter, rect, *short_speed_line(state))
            return
        words, left = download_words(state.download)
        self._line(painter, rect.adjusted(0, -6, 0, -6), f"{words}  {left}".strip(), self._small, "text")
        bar = QRectF(rect.x(), rect.bottom() - 3, rect.width(), 4)
        box(painter, bar, theme.color("raised"), None, 2)
        share = fraction(state.download)
        if share:
            box(painter, QRectF(bar.x(), bar.y(), bar.width() * share, 4), theme.color("accent"), None, 2)

    def _line(self, painter: QPainter, rect: QRectF, words: str, font: Any, token: str) -> None:
        painter.setFont(font)
        painter.setPen(theme.color(token))
        shown = QFontMetricsF(font).elidedText(words.strip(), Qt.TextElideMode.ElideRight, rect.width())
        painter.drawText(rect, Qt.AlignmentFlag.AlignVCenter, shown)
