"""The column at the right of a panel: a title with room beside it, a scrolling body, a footer that stays.

inspector.head     layout at the right of the title (Simple | More)
inspector.body     layout of what scrolls
inspector.foot     layout of what stays at the bottom (memory)
"""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from studio.app import theme
from studio.app.widgets.label import Label
from studio.app.widgets.scroll import ScrollColumn

WIDTH = 344


class Inspector(QWidget):
    """*width* in pixels; the window gives it the full height."""

    def __init__(
        self, title_key: str = "app.inspector", parent: QWidget | None = None, *, width: int = WIDTH
    ) -> None:
        super().__init__(parent)
        self.setFixedWidth(width)
        self.title = Label(title_key, "title")
        self.head = QHBoxLayout()
        self.head.setSpacing(8)
        top = QHBoxLayout()
        top.setContentsMargins(19, 0, 19, 0)
        top.addWidget(self.title)
        top.addStretch(1)
        top.addLayout(self.head)
        scroll = ScrollColumn(margins=(19, 4, 19, 12), spacing=18, surface=True)
        self.body = scroll.body
        self.foot = QVBoxLayout()
        self.foot.setContentsMargins(19, 0, 19, 0)
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 14, 0, 14)
        column.setSpacing(10)
        column.addLayout(top)
        column.addWidget(scroll, 1)
        column.addLayout(self.foot)

    def sizeHint(self) -> QSize:
        return QSize(self.maximumWidth(), super().sizeHint().height())

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface"))
        painter.fillRect(0, 0, 1, self.height(), theme.color("border"))
