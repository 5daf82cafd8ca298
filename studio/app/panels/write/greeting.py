"""An empty conversation: what would be here, and examples that begin one with a click."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from studio.app.widgets.button import Button
from studio.app.widgets.card import IconTile
from studio.app.widgets.label import Label
from studio.app.widgets.paint import set_tooltip

MOST = 4


class Greeting(QWidget):
    """`chosen` carries an example's words."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._examples = QVBoxLayout()
        self._examples.setSpacing(8)
        self._buttons: list[Button] = []
        words = Label("write.empty.words", "muted", wrap=True)
        words.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 24, 24, 24)
        column.setSpacing(8)
        column.addStretch(1)
        column.addWidget(IconTile("write", side=56), 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(8)
        column.addWidget(Label("write.empty", "title"), 0, Qt.AlignmentFlag.AlignHCenter)
        column.addWidget(words)
        column.addSpacing(20)
        column.addLayout(self._examples)
        column.addStretch(1)

    @property
    def buttons(self) -> list[Button]:
        return self._buttons

    def set_examples(self, examples: Sequence[str]) -> None:
        for button in self._buttons:
            self._examples.removeWidget(button)
            button.hide()
            button.deleteLater()
        self._buttons = []
        for words in examples[:MOST]:
            button = Button(icon="generate")
            button.setText(words)
            button.setAccessibleName(words)
            button.setMinimumWidth(120)  # a long one is shortened in a narrow window
            button.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
            set_tooltip(button, words)
            button.clicked.connect(lambda _, words=words: self.chosen.emit(words))
            self._examples.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)
            self._buttons.append(button)
