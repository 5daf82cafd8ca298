"""What the user said: a bubble at the right that can be copied, changed and sent again."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QKeySequence, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from studio.app import files, keys, theme
from studio.app.language import bind_text
from studio.app.panels.write.prose import Prose
from studio.app.widgets.button import Button, IconButton
from studio.app.widgets.paint import CARD_RADIUS, box
from studio.app.widgets.text_area import TextArea

SHOWN = 6_000  # characters; the rest of something pasted is shown on request
WIDEST = 0.82  # of the column


class QuestionView(QWidget):
    """`sent_again` carries the changed words."""

    sent_again = Signal(str)

    def __init__(self, text: str, *, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text = text
        self._bubble = Bubble()
        self._words = Prose()
        bind_text(self._words.setAccessibleName, "write.question")
        self._bubble.body.addWidget(self._words)
        self._all = Button("write.show_all", kind="quiet")
        self._all.clicked.connect(self._show_all)
        self._all.setVisible(len(text) > SHOWN)
        self._bubble.body.addWidget(self._all)
        shown = text.strip("\n")  # a line that nobody wrote would stand empty in the bubble
        self._words.grow(shown if len(text) <= SHOWN else shown[:SHOWN] + "…")
        self._edit = IconButton("edit", "write.edit", framed=False, side=28)
        self._edit.clicked.connect(self.edit)
        copy = IconButton("copy", "write.copy", framed=False, side=28)
        copy.clicked.connect(lambda: files.copy_text(self._text))
        self._foot = QWidget()
        foot = QHBoxLayout(self._foot)
        foot.setContentsMargins(0, 0, 0, 0)
        foot.setSpacing(4)
        foot.addStretch(1)
        foot.addWidget(self._edit)
        foot.addWidget(copy)
        self._editor: Editor | None = None
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(2)
        self._column.addWidget(self._bubble, 0, Qt.AlignmentFlag.AlignRight)
        self._column.addWidget(self._foot)

    @property
    def text(self) -> str:
        return self._text

    def set_editable(self, editable: bool) -> None:
        self._edit.setVisible(editable)
        if not editable:
            self.leave()

    def edit(self) -> None:
        """Change the words in their place."""
        if self._editor is not None:
            return
        self._editor = Editor(self._text)
        self._editor.left.connect(self.leave)
        self._editor.sent.connect(self._send)
        self._bubble.hide()
        self._foot.hide()
        self._column.addWidget(self._editor)
        self._editor.area.setFocus()

    def leave(self) -> None:
        """Let the words be as they were."""
        if self._editor is not None:
            self._editor.hide()
            self._editor.deleteLater()
            self._editor = None
            self._bubble.show()
            self._foot.show()

    def _send(self, words: str) -> None:
        self.leave()
        self.sent_again.emit(words)

    def _show_all(self) -> None:
        self._all.hide()
        self._words.grow(self._text.strip("\n"))
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """As narrow as its words allow."""
        margins = self._bubble.body.contentsMargins()
        room = int(self.width() * WIDEST) - margins.left() - margins.right()
        self._words.document().setTextWidth(room)
        width = min(self._words.ideal_width(), room)
        self._words.setFixedWidth(width)
        self._words.document().setTextWidth(width)  # else it could be scrolled sideways


class Bubble(QWidget):
    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(14, 11, 14, 5)  # the room between lines lies below each

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        box(painter, QRectF(self.rect()), theme.color("soft_accent"), None, CARD_RADIUS)


class Editor(QWidget):
    """The words to change, and two buttons; the keys for "generate" and "stop" do the same."""

    sent = Signal(str)
    left = Signal()

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.area = _Area(lines=2, most_lines=10)
        self.area.set_text(text)
        self.area.sent.connect(self._send)
        self.area.left.connect(self.left)
        bind_text(self.area.setAccessibleName, "write.edit")
        send = Button("write.edit.send", "generate", "primary")
        send.clicked.connect(self._send)
        send.set_hint(keys.text("generate"))
        cancel = Button("app.cancel")
        cancel.clicked.connect(self.left)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(cancel)
        row.addWidget(send)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.area)
        column.addLayout(row)

    def _send(self) -> None:
        if self.area.text().strip():
            self.sent.emit(self.area.text())


class _Area(TextArea):
    """Takes two keys for itself that otherwise belong to the prompt."""

    sent = Signal()
    left = Signal()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and _meant(event):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        name = _meant(event)
        if name == "generate":
            self.sent.emit()
        elif name == "stop":
            self.left.emit()
        else:
            super().keyPressEvent(event)


def _meant(event: QKeyEvent) -> str:
    pressed = QKeySequence(event.keyCombination()).toString().replace("Enter", "Return")
    return next((n for n in ("generate", "stop") if QKeySequence(keys.sequence(n)).toString() == pressed), "")
