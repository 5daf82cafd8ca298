"""Surfaces: `Card` with its `body` layout, `CardHeader` for its tinted top, `IconTile`, `Separator`."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QSizePolicy, QVBoxLayout, QWidget

from studio.app import icons, theme
from studio.app.widgets.paint import box


class Card(QFrame):
    """A raised area, drawn by the style sheet. Put things into `body`."""

    def __init__(self, parent: QWidget | None = None, *, margin: int = 20, spacing: int = 12) -> None:
        super().__init__(parent)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(margin, margin, margin, margin)
        self.body.setSpacing(spacing)


class CardHeader(QFrame):
    """The tinted top of a card without margins; `body` is its layout."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(16, 14, 16, 14)


class IconTile(QWidget):
    """An icon on a soft accent square."""

    def __init__(self, icon: str, parent: QWidget | None = None, *, side: int = 42) -> None:
        super().__init__(parent)
        self._icon, self._side = icon, side
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def set_icon(self, name: str) -> None:
        self._icon = name
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._side, self._side)

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        rect = QRectF(self.rect())
        box(painter, rect, theme.color("soft_accent"), None, self._side / 4)
        inset = self._side * 0.25
        icons.paint(painter, self._icon, rect.adjusted(inset, inset, -inset, -inset), "accent")


class Separator(QFrame):
    """A hairline, level unless *upright*."""

    def __init__(self, parent: QWidget | None = None, *, upright: bool = False) -> None:
        super().__init__(parent)
        if upright:
            self.setFixedWidth(1)
        else:
            self.setFixedHeight(1)
