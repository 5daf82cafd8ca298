"""What would be here, and the one button that fills it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from studio.app.widgets.button import Button
from studio.app.widgets.card import IconTile
from studio.app.widgets.label import Label


class EmptyState(QWidget):
    """All texts are keys; without *button_key* there is no button."""

    clicked = Signal()

    def __init__(
        self,
        icon: str,
        title_key: str,
        words_key: str,
        button_key: str = "",
        button_icon: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        centre = Qt.AlignmentFlag.AlignHCenter
        column = QVBoxLayout(self)
        column.setSpacing(8)
        column.addStretch(1)
        column.addWidget(IconTile(icon, side=56), 0, centre)
        column.addSpacing(8)
        column.addWidget(Label(title_key, "title"), 0, centre)
        words = Label(words_key, "muted", wrap=True)
        words.setAlignment(centre)
        words.setMaximumWidth(420)
        row = QHBoxLayout()  # an aligned item would keep the height of one line, and cut the second off
        row.addStretch(1)
        row.addWidget(words, 100)
        row.addStretch(1)
        column.addLayout(row)
        if button_key:
            self.button = Button(button_key, button_icon, "primary")
            self.button.clicked.connect(self.clicked.emit)
            column.addSpacing(8)
            column.addWidget(self.button, 0, centre)
        column.addStretch(1)
