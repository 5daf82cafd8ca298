"""What the pages of Settings share."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QWidget

from studio.app.widgets.card import Card, IconTile
from studio.app.widgets.label import Label

MARGINS = (32, 8, 32, 20)
WIDTH = 900


class Page(QWidget):
    def close_down(self) -> None:
        """The studio ends: stop listening."""


def section(icon: str, key: str, words_key: str = "") -> Card:
    """A card with its name, and a sentence about it."""
    card = Card(margin=20, spacing=14)
    row = QHBoxLayout()
    row.setSpacing(10)
    row.addWidget(IconTile(icon, side=32))
    row.addWidget(Label(key, "title"))
    row.addStretch(1)
    card.body.addLayout(row)
    if words_key:
        card.body.addWidget(Label(words_key, "small", wrap=True))
    return card


def left(*widgets: QWidget) -> QHBoxLayout:
    """A row that begins at the left."""
    row = QHBoxLayout()
    row.setSpacing(8)
    for widget in widgets:
        row.addWidget(widget)
    row.addStretch(1)
    return row


def labelled(key: str, *controls: QWidget) -> QHBoxLayout:
    """A name at the left and its controls at the right."""
    row = QHBoxLayout()
    row.setSpacing(8)
    row.addWidget(Label(key, "label"))
    row.addStretch(1)
    for control in controls:
        row.addWidget(control)
    return row
