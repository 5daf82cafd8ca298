"""What the cards of Computer share."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLayout

from studio.app.widgets.card import Card, IconTile
from studio.app.widgets.label import Label


def titled(icon: str, key: str, content: QLayout) -> Card:
    """A card with an icon and a title over *content*."""
    card = Card(margin=20, spacing=14)
    top = QHBoxLayout()
    top.setSpacing(10)
    top.addWidget(IconTile(icon, side=32))
    top.addWidget(Label(key, "title"))
    top.addStretch(1)
    card.body.addLayout(top)
    card.body.addLayout(content)
    card.body.addStretch(1)
    return card


def facts_grid() -> QGridLayout:
    """For names at the left and words at the right, which `put_facts` fills."""
    grid = QGridLayout()
    grid.setHorizontalSpacing(18)
    grid.setVerticalSpacing(10)
    grid.setColumnStretch(1, 1)
    return grid


def put_facts(grid: QGridLayout, facts: list[tuple[str, str]]) -> None:
    """(key of the name, words) of what there are words for, instead of what stood there."""
    clear(grid)
    for row, (key, words) in enumerate((key, words) for key, words in facts if words):
        value = Label(wrap=True)
        value.setText(words)
        name = Label(key, "muted")
        name.setContentsMargins(0, 1, 0, 0)  # its smaller letters stand on the same line
        grid.addWidget(name, row, 0, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(value, row, 1)


def clear(layout: QLayout) -> None:
    """Take everything out of *layout* and of those inside it."""
    while (item := layout.takeAt(0)) is not None:
        if (widget := item.widget()) is not None:
            widget.hide()
            widget.deleteLater()
        elif (inner := item.layout()) is not None:
            clear(inner)
