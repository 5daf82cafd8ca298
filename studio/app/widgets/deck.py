"""Pages on one place, one of them seen: `Deck()`, `addWidget`, `setCurrentWidget`."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QStackedLayout


class Deck(QStackedLayout):
    """Takes what room there is given.

    A plain stacked layout is as large as its largest page: whenever anything in one of them changes,
    it measures all, the unseen ones too.
    """

    def hasHeightForWidth(self) -> bool:
        return False

    def sizeHint(self) -> QSize:
        return QSize(0, 0)

    def minimumSize(self) -> QSize:
        return QSize(0, 0)
