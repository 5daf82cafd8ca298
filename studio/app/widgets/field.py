"""A control with its name above, its technical term at the right, and what is wrong with it below.

Field("parameter.steps", editor, term_key="parameter.steps.term")
field.set_error(words, offer="Use 50", action=...)
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from studio.app.language import bind_text
from studio.app.widgets.announce import announce
from studio.app.widgets.button import Button
from studio.app.widgets.label import ElidedLabel, Label


class Field(QWidget):
    """`label` and `term` can be set to other words; *beside* stands in the place of the term."""

    def __init__(
        self,
        label_key: str,
        editor: QWidget,
        term_key: str = "",
        beside: QWidget | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.editor = editor
        self.label = ElidedLabel(label_key, "label")
        self.label.setBuddy(editor)
        self.term = Label(term_key, "small", self)
        if beside or not term_key:
            self.term.hide()
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self.label, 1)
        top.addWidget(beside or self.term, 0, Qt.AlignmentFlag.AlignRight)
        self._error = Label(role="error", wrap=True)
        self._offer = Button(kind="secondary")
        self._offer.setFixedHeight(28)
        self._action: Callable[[], object] | None = None
        self._offer.clicked.connect(self._accept)
        below = QHBoxLayout()
        below.addWidget(self._error, 1)
        below.addWidget(self._offer, 0, Qt.AlignmentFlag.AlignTop)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(top)
        column.addWidget(editor)
        column.addLayout(below)
        if not editor.accessibleName():
            bind_text(editor.setAccessibleName, label_key)
        self.set_error("")

    def set_error(self, words: str, offer: str = "", action: Callable[[], object] | None = None) -> None:
        """What is wrong, "" for nothing, and a button that puts it right."""
        self._action = action
        self._error.setText(words)
        self._error.setVisible(bool(words))
        self._offer.setText(offer)
        self._offer.setVisible(bool(words and offer))
        if words:
            announce(self, words)

    def error(self) -> str:
        return self._error.text()

    def _accept(self) -> None:
        if self._action is not None:
            self._action()
