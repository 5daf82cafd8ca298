"""What happened, why, and what to do, in a bar that blocks nothing.

banner.show_failure(failure, "app.retry", retry)
banner.show_notice("warning", "models.offline", button_key="app.go_online", action=...)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from studio.app import files, icons, theme
from studio.app.language import on_language
from studio.app.widgets.announce import announce
from studio.app.widgets.button import Button, IconButton
from studio.app.widgets.label import Label
from studio.app.widgets.paint import CARD_RADIUS, box, mix
from studio.domain.failure import Failure
from studio.domain.text import t

_ICONS = {"bad": "error", "warning": "warning", "ok": "done", "accent": "info"}


class Banner(QWidget):
    """Hidden while there is nothing to say; its words follow the language. `dismissed`: closed by hand."""

    dismissed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tone = "bad"
        self._words: Callable[[], tuple[str, str, str]] = lambda: ("", "", "")
        self._details = ""
        self._action: Callable[[], object] | None = None
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._what = Label(role="strong", wrap=True)
        self._hint = Label(role="muted", wrap=True)
        for label in (self._what, self._hint):
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.button = Button(kind="secondary")
        self.copy = Button("app.copy_details", "copy", "quiet")
        self.close_button = IconButton("close", "app.dismiss", framed=False, side=30)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self._what)
        words.addWidget(self._hint)
        row = QHBoxLayout(self)
        row.setContentsMargins(48, 10, 10, 10)
        row.setSpacing(8)
        row.addLayout(words, 1)
        for part in (self.copy, self.button, self.close_button):
            row.addWidget(part, 0, Qt.AlignmentFlag.AlignVCenter)
        self.button.clicked.connect(self._act)
        self.copy.clicked.connect(lambda: files.copy_text(self._details))
        self.close_button.clicked.connect(self._dismiss)
        on_language(self._render)
        self.hide()

    def show_failure(
        self,
        failure: Failure,
        button_key: str = "",
        action: Callable[[], object] | None = None,
        **values: str,
    ) -> None:
        """*action* is the one thing that most likely helps; its button hides the banner. *values* fill its
        words.
        """
        self._details = "\n".join(
            part for part in (failure.code, failure.message, failure.hint, failure.details) if part
        )
        self._show("bad", lambda: (failure.message, failure.hint, t(button_key, **values)), action)

    def show_notice(
        self,
        tone: str,
        key: str,
        hint_key: str = "",
        button_key: str = "",
        action: Callable[[], object] | None = None,
        **values: Any,
    ) -> None:
        """*tone*: ok, accent, warning or bad. *values* fill both texts."""
        self._details = ""
        self._show(
            tone, lambda: (t(key, **values), t(hint_key, **values) if hint_key else "", t(button_key)), action
        )

    def clear(self) -> None:
        """Nothing to say any more."""
        self._action = None
        self.hide()

    def _show(
        self, tone: str, words: Callable[[], tuple[str, str, str]], action: Callable[[], object] | None
    ) -> None:
        self._tone, self._words, self._action = tone, words, action
        self._render()
        self.copy.setVisible(bool(self._details))
        self.show()
        self.update()
        announce(self, self.accessibleName(), urgent=tone == "bad")

    def _render(self) -> None:
        what, hint, button = self._words()
        self._what.setText(what)
        self._hint.setText(hint)
        self._hint.setVisible(bool(hint))
        self.button.setText(button)
        self.button.setVisible(bool(button and self._action))
        self.setAccessibleName(f"{what} {hint}".strip())

    def _act(self) -> None:
        action = self._action
        self.clear()
        if action is not None:
            action()

    def _dismiss(self) -> None:
        self.clear()
        self.dismissed.emit()

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        rect = QRectF(self.contentsRect())
        tint = theme.color(self._tone)
        fill = mix(theme.color("surface"), tint, 0.08)
        box(painter, rect, fill, mix(theme.color("border"), tint, 0.5), CARD_RADIUS)
        icons.paint(
            painter, _ICONS[self._tone], QRectF(rect.x() + 16, rect.center().y() - 10, 20, 20), self._tone
        )
