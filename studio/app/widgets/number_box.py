"""A box for one number, of any size (a seed does not fit Qt's own spin box).

Up and Down change it by a step, Page Up and Page Down by ten; the wheel only while it has the keyboard.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QWheelEvent
from PySide6.QtWidgets import QLineEdit, QWidget

_STEPS = {Qt.Key.Key_Up: 1, Qt.Key.Key_Down: -1, Qt.Key.Key_PageUp: 10, Qt.Key.Key_PageDown: -10}


class NumberBox(QLineEdit):
    """`entered` carries the typed text when the user is done with it, `stepped` a number of steps."""

    entered = Signal(str)
    stepped = Signal(object)

    def __init__(
        self,
        parent: QWidget | None = None,
        *,
        width: int = 64,
        compact: bool = False,
        show: Callable[[Any], str] = str,
    ) -> None:
        """*show* makes the text of a value; *compact* ones stand beside a label."""
        super().__init__(parent)
        self.setFixedHeight(26 if compact else 36)
        self.setProperty("compact", compact)
        self._show = show
        self._shown = ""
        self.setFixedWidth(width)
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.editingFinished.connect(self._finished)

    def set_value(self, value: Any) -> None:
        self._shown = self._show(value)
        self.set_invalid(False)
        if self.text() != self._shown:
            self.setText(self._shown)

    def set_invalid(self, invalid: bool) -> None:
        """A red border, until the next legal value."""
        set_invalid(self, invalid)

    def _finished(self) -> None:
        if self.text() != self._shown:
            self._shown = self.text()
            self.entered.emit(self._shown)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = _STEPS.get(Qt.Key(event.key()))
        if steps is None:
            super().keyPressEvent(event)
        else:
            self._finished()
            self.stepped.emit(steps)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus() and event.angleDelta().y():
            self.stepped.emit(1 if event.angleDelta().y() > 0 else -1)
        else:
            event.ignore()


def set_invalid(widget: QWidget, invalid: bool) -> None:
    """Mark a text field as refused (the style sheet draws it), or no longer."""
    if bool(widget.property("invalid")) != invalid:
        widget.setProperty("invalid", invalid)
        widget.style().unpolish(widget)
        widget.style().polish(widget)
