"""Cards of equal width in as many columns as fit, those of a row equally high."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QWidget


class CardGrid(QWidget):
    """*least*: pixels below which a column is given up; never more than *most* columns."""

    def __init__(
        self, parent: QWidget | None = None, *, least: int = 300, most: int = 4, spacing: int = 16
    ) -> None:
        super().__init__(parent)
        self._least, self._most = least, most
        self._cards: list[QWidget] = []
        self._columns = 0
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(spacing)
        self._grid.setAlignment(Qt.AlignmentFlag.AlignTop)

    def set_most(self, most: int) -> None:
        """Never more than *most* columns from now on."""
        if most != self._most:
            self._most = most
            self._columns = 0
            self._arrange()

    def set_cards(self, cards: Sequence[QWidget]) -> None:
        """Show these, in this order; others that were shown before are hidden and stay children."""
        if list(cards) == self._cards:
            return
        for card in self._cards:
            self._grid.removeWidget(card)
            if card not in cards:
                card.hide()
        self._cards = list(cards)
        self._columns = 0
        self._arrange()
        for card in self._cards:
            card.show()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def minimumSizeHint(self) -> QSize:
        return QSize(self._least, super().minimumSizeHint().height())

    def _arrange(self) -> None:
        gap = self._grid.spacing()
        columns = max(1, min(self._most, (self.width() + gap) // (self._least + gap)))
        if columns == self._columns:
            return
        for column in range(max(columns, self._grid.columnCount())):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)
        for index, card in enumerate(self._cards):
            self._grid.addWidget(card, index // columns, index % columns)
        self._columns = columns
        self.updateGeometry()
