"""The prompt, always in the same place: text, tools, token count, fit line, Generate (Stop while running).

box.text, box.set_text, box.text_changed
box.generate_requested    carries True to go to the front of the queue (Ctrl+Shift+Enter)
box.stop_requested        the button while running, or Esc
box.fit                   the FitLine; `fit.clicked` asks for the plan
box.tools                 the row's layout at the left, for chips
"""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QHBoxLayout, QWidget

from studio.app import fonts, keys, prompt_weight
from studio.app.language import bind_text, on_language
from studio.app.observable import watch
from studio.app.widgets.button import Button
from studio.app.widgets.card import Card
from studio.app.widgets.label import Label
from studio.app.widgets.status import FitLine
from studio.app.widgets.text_area import TextArea
from studio.domain.text import t


class PromptBox(Card):
    """Generating while a job runs is possible by key: it joins the queue.

    *weights*: Ctrl+Up and Ctrl+Down change the weight of the selected words.
    """

    text_changed = Signal(str)
    generate_requested = Signal(object)
    stop_requested = Signal()

    def __init__(
        self,
        placeholder_key: str,
        generate_key: str = "app.generate",
        parent: QWidget | None = None,
        *,
        weights: bool = False,
        lines: int = 2,
    ) -> None:
        super().__init__(parent, margin=14, spacing=8)
        self._placeholder_key, self._generate_key = placeholder_key, generate_key
        self._running = False
        self._ready = True
        self.area = TextArea(lines=lines)
        self.area.setProperty("plain", True)
        self.area.setFont(fonts.ui_font(fonts.LARGE - 1))
        bind_text(self.area.setAccessibleName, "app.prompt")
        self.area.text_changed.connect(self.text_changed)
        self.tools = QHBoxLayout()
        self.tools.setSpacing(8)
        self.counter = Label(role="small")
        self.fit = FitLine()
        self.button = Button(generate_key, "generate", "primary")
        self.button.setFixedHeight(40)
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addLayout(self.tools)
        row.addWidget(self.counter)
        row.addStretch(1)
        row.addWidget(self.fit)
        row.addWidget(self.button)
        self.body.addWidget(self.area)
        self.body.addLayout(row)
        self.setFocusProxy(self.area)
        self.button.clicked.connect(self._clicked)
        self._shortcuts(weights)
        on_language(self._render)
        watch(keys.overrides, self._keys_changed)

    def _shortcuts(self, weights: bool) -> None:
        within = Qt.ShortcutContext.WidgetWithChildrenShortcut
        keys.shortcut("generate", self, lambda: self._generate(front=False))
        keys.shortcut("generate_first", self, lambda: self._generate(front=True))
        self._stop_key = keys.shortcut("stop", self, self.stop_requested.emit)
        self._stop_key.setEnabled(False)
        if weights:
            keys.shortcut("weight_up", self, lambda: self._weigh(0.1), within)
            keys.shortcut("weight_down", self, lambda: self._weigh(-0.1), within)

    def text(self) -> str:
        return self.area.text()

    def set_text(self, text: str) -> None:
        self.area.set_text(text)

    def set_words(self, placeholder_key: str, generate_key: str) -> None:
        """Other words for what is asked of the user now."""
        self._placeholder_key, self._generate_key = placeholder_key, generate_key
        self._render()

    def set_count(self, text: str) -> None:
        """The token counter's words ("7 of 24 tokens"); "" hides it."""
        self.counter.setText(text)
        self.counter.setVisible(bool(text))

    def set_ready(self, ready: bool) -> None:
        """Whether Generate can be pressed (a model is there, every value legal)."""
        self._ready = ready
        self._render()

    def set_running(self, running: bool) -> None:
        """While running the button stops."""
        if running != self._running:
            self._running = running
            self._render()

    def _render(self) -> None:
        self.area.setPlaceholderText(t(self._placeholder_key))
        self.button.setText(t("app.stop" if self._running else self._generate_key))
        self.button.set_icon("stop" if self._running else "generate")
        self.button.set_kind("secondary" if self._running else "primary")
        self.button.set_hint(keys.text("stop" if self._running else "generate"))
        self.button.setEnabled(self._running or self._ready)
        self._stop_key.setEnabled(self._running)

    def _keys_changed(self, _: object) -> None:
        self._render()

    def _clicked(self) -> None:
        if self._running:
            self.stop_requested.emit()
        else:
            self._generate(front=False)

    def _generate(self, *, front: bool) -> None:
        if self._ready:
            self.generate_requested.emit(front)

    def _weigh(self, step: float) -> None:
        cursor = self.area.textCursor()
        text, start, end = prompt_weight.adjust(
            self.area.text(), cursor.selectionStart(), cursor.selectionEnd(), step
        )
        if text != self.area.text():
            cursor.select(QTextCursor.SelectionType.Document)
            cursor.insertText(text)  # one step of undo
        cursor.setPosition(start)
        cursor.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
        self.area.setTextCursor(cursor)
