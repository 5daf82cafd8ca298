"""Words from a model: `Prose`, Markdown or plain, as high as its text; nothing in it is fetched or opened.

prose.set_markdown(source)      drawn anew when the theme changes
prose.grow(text)                plain; where it only got longer, only the rest is added
prose.link_chosen               the address of a link that was clicked, for someone to ask about
"""

from __future__ import annotations

import math

from PySide6.QtCore import QSize, QSizeF, Qt, QUrl, Signal
from PySide6.QtGui import QImage, QTextBlockFormat, QTextCursor, QWheelEvent
from PySide6.QtWidgets import QFrame, QSizePolicy, QTextBrowser, QTextEdit, QWidget

from studio.app import fonts, theme
from studio.app.observable import watch
from studio.app.panels.write import markdown

LINE_PERCENT = 145.0
LIST_INDENT = 24.0  # pixels


class Prose(QTextBrowser):
    link_chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._source: str | None = None
        self._plain = ""
        set_up(self)
        self.setOpenLinks(False)
        self.setOpenExternalLinks(False)
        self.document().documentLayout().documentSizeChanged.connect(self._fit)
        self.anchorClicked.connect(lambda url: self.link_chosen.emit(url.toString()))
        watch(theme.current, self._restyle)

    def loadResource(self, kind: int, name: QUrl | str) -> QImage:
        """Nothing that a text names is loaded, from anywhere."""
        del kind, name
        return QImage()

    def set_markdown(self, source: str) -> None:
        if source != self._source:
            self._source, self._plain = source, ""
            self._restyle(theme.current.value)

    def grow(self, text: str) -> None:
        """Show *text* as it stands."""
        if self._source is not None or not text.startswith(self._plain) or not self._plain:
            self._source = None
            self.clear()
            form = QTextBlockFormat()
            form.setLineHeight(LINE_PERCENT, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
            QTextCursor(self.document()).setBlockFormat(form)
            added = text
        else:
            added = text[len(self._plain) :]
        self._plain = text
        if added:
            cursor = QTextCursor(self.document())
            cursor.movePosition(QTextCursor.MoveOperation.End)
            cursor.insertText(added)

    def ideal_width(self) -> int:
        """What the longest line needs, frame and all."""
        return math.ceil(self.document().idealWidth()) + self.width() - self.viewport().width() + 1

    def _restyle(self, tokens: theme.Tokens) -> None:
        if self._source is None:
            return
        html = markdown.to_html(self._source)
        self.document().setDefaultStyleSheet(markdown.style(tokens, fonts.fixed_font().family()))
        self.setHtml(html)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus if "<a " in html else Qt.FocusPolicy.ClickFocus)

    def _fit(self, size: QSizeF) -> None:
        self.setFixedHeight(math.ceil(size.height()))

    def sizeHint(self) -> QSize:
        return QSize(240, self.maximumHeight() if self.maximumHeight() < 16_777_215 else 20)

    def minimumSizeHint(self) -> QSize:
        return QSize(60, 8)

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()  # the conversation scrolls, not one of its parts


def set_up(text: QTextEdit) -> None:
    """What prose and code have in common: read only, without a frame or bars of their own."""
    text.setProperty("plain", True)
    text.setReadOnly(True)
    text.setUndoRedoEnabled(False)
    text.setFrameShape(QFrame.Shape.NoFrame)
    text.setTabChangesFocus(True)
    text.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
    text.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    text.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    text.document().setDocumentMargin(0)
    text.document().setIndentWidth(LIST_INDENT)
    text.setFont(fonts.ui_font())
