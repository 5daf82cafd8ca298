"""Text fields.

TextArea(key)      several lines of plain text that grow with what is typed; `text`, `text_changed`
SearchField(key)   a line with a magnifier and a clear button
"""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QShowEvent
from PySide6.QtWidgets import QLineEdit, QPlainTextEdit, QSizePolicy, QWidget

from studio.app import icons
from studio.app.language import bind_text


class TextArea(QPlainTextEdit):
    """*key*: placeholder. `text_changed` carries the text, `edited` comes when the user leaves the field."""

    text_changed = Signal(str)
    edited = Signal(str)

    def __init__(
        self, key: str = "", parent: QWidget | None = None, *, lines: int = 2, most_lines: int = 8
    ) -> None:
        super().__init__(parent)
        self._lines, self._most = lines, most_lines
        self.setTabChangesFocus(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.document().setDocumentMargin(2)
        self.textChanged.connect(self._changed)
        self.document().documentLayout().documentSizeChanged.connect(self._grow)
        if key:
            bind_text(self.setPlaceholderText, key)

    def text(self) -> str:
        return self.toPlainText()

    def set_text(self, text: str) -> None:
        if text != self.toPlainText():
            self.setPlainText(text)

    def _changed(self) -> None:
        self.text_changed.emit(self.toPlainText())

    def _wanted_height(self) -> int:
        lines = min(max(int(self.document().size().height()), self._lines), self._most)
        frame = self.height() - self.viewport().height()
        return self.fontMetrics().lineSpacing() * lines + 2 * int(self.document().documentMargin()) + frame

    def _grow(self) -> None:
        shown = int(self.document().size().height())
        policy = Qt.ScrollBarPolicy
        self.setVerticalScrollBarPolicy(
            policy.ScrollBarAsNeeded if shown > self._most else policy.ScrollBarAlwaysOff
        )
        self.updateGeometry()

    def sizeHint(self) -> QSize:
        return QSize(240, self._wanted_height())

    def minimumSizeHint(self) -> QSize:
        return QSize(60, self._wanted_height())

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.updateGeometry()  # only now is it known how much of it is frame

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.edited.emit(self.toPlainText())


class SearchField(QLineEdit):
    """*key*: placeholder and name."""

    def __init__(self, key: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setClearButtonEnabled(True)
        self.addAction(icons.icon("search", "muted"), QLineEdit.ActionPosition.LeadingPosition)
        self.setMinimumHeight(36)
        bind_text(self.setPlaceholderText, key)
        bind_text(self.setAccessibleName, key)
