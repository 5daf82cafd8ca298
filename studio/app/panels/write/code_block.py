"""A block of code with its language and a button that copies it; it grows while it is written."""

from __future__ import annotations

import math

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent, QTextCursor, QWheelEvent
from PySide6.QtWidgets import QHBoxLayout, QTextEdit, QVBoxLayout, QWidget

from studio.app import files, fonts, theme
from studio.app.language import bind_text
from studio.app.panels.write.prose import set_up
from studio.app.widgets.button import Button
from studio.app.widgets.label import ElidedLabel
from studio.app.widgets.paint import RADIUS, box

AT_ONCE = 6_000  # characters that are laid out in some milliseconds


class CodeBlock(QWidget):
    """*language* as the fence names it, shown as it stands."""

    def __init__(self, language: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._code = ""
        self._shown = 0  # characters
        self.text = CodeText()
        name = ElidedLabel(role="small")
        name.setText(language)
        self.copy = Button("write.copy_code", "copy", "quiet")
        self.copy.setFixedHeight(28)
        self.copy.clicked.connect(lambda: files.copy_text(self._code.rstrip("\n")))
        top = QHBoxLayout()
        top.setContentsMargins(12, 4, 4, 0)
        top.addWidget(name, 1)
        top.addWidget(self.copy)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(top)
        holder = QVBoxLayout()
        holder.setContentsMargins(12, 2, 12, 10)
        holder.addWidget(self.text)
        column.addLayout(holder)

    def set_code(self, code: str) -> bool:
        """Show some more of *code*, all that is left where that is little. Whether it is all there now."""
        if not code.startswith(self._code):
            self.text.clear()
            self._shown = 0
        self._code = code
        wanted = code.rstrip("\n")
        self._shown = min(self._shown, len(wanted))
        self.text.add(wanted[self._shown : self._shown + AT_ONCE])
        self._shown = min(self._shown + AT_ONCE, len(wanted))
        return self._shown == len(wanted)

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        rect = QRectF(self.rect())
        box(painter, rect, theme.color("raised"), theme.color("border"), RADIUS)


class CodeText(QTextEdit):
    """Lines are not broken; a long one is reached with a bar below."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_up(self)
        self.setLineWrapMode(QTextEdit.LineWrapMode.NoWrap)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.setFont(fonts.fixed_font())
        self.setAcceptRichText(False)
        bind_text(self.setAccessibleName, "write.code")
        self.document().documentLayout().documentSizeChanged.connect(lambda _: self._fit())

    def add(self, text: str) -> None:
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.insertText(text)

    def _fit(self) -> None:
        size = self.document().size()
        bar = self.horizontalScrollBar().sizeHint().height() if size.width() > self.width() else 0
        self.setFixedHeight(math.ceil(size.height()) + bar + 2)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def sizeHint(self) -> QSize:
        return QSize(240, 20)

    def minimumSizeHint(self) -> QSize:
        return QSize(60, 8)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if abs(event.angleDelta().x()) > abs(event.angleDelta().y()):
            super().wheelEvent(event)
        else:
            event.ignore()
