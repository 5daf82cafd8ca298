"""The seed: a number, a die that rolls another, a lock that keeps it.

Unlocked (`value` is None) each run rolls its own. It is a line of text: a seed may need more bits
than Qt's number boxes have.
"""

from __future__ import annotations

import random

from PySide6.QtCore import QRegularExpression, Signal
from PySide6.QtGui import QRegularExpressionValidator
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QWidget

from studio.app.language import bind_text, on_language
from studio.app.widgets.button import IconButton
from studio.app.widgets.number_box import set_invalid
from studio.domain.text import t


class SeedField(QWidget):
    """`changed` carries an int in 0..*maximum* or None; a number beyond is marked and given to `entered`."""

    changed = Signal(object)
    entered = Signal(str)

    def __init__(self, maximum: int = 2**32 - 1, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._maximum = maximum
        self._value: int | None = None
        self._last: int | None = None
        self.edit = QLineEdit()
        self.edit.setMinimumHeight(36)
        self.edit.setValidator(QRegularExpressionValidator(QRegularExpression(r"\s*\d{0,20}\s*"), self.edit))
        self.dice = IconButton("dice", "app.seed.roll")
        self.lock = IconButton("lock", "app.seed.lock")
        self.lock.setCheckable(True)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        for part, stretch in ((self.edit, 1), (self.dice, 0), (self.lock, 0)):
            row.addWidget(part, stretch)
        self.edit.editingFinished.connect(self._typed)
        self.dice.clicked.connect(self._roll)
        self.lock.clicked.connect(self._lock_clicked)
        bind_text(self.edit.setAccessibleName, "app.seed")
        on_language(self._show)

    @property
    def value(self) -> int | None:
        return self._value

    def set_value(self, value: int | None) -> None:
        """Show *value*, silently."""
        self._value = value
        self._show()

    def set_last(self, seed: int | None) -> None:
        """The seed that the last result had: shown while unlocked, and what the lock then keeps."""
        self._last = seed
        self._show()

    def _show(self) -> None:
        locked = self._value is not None
        self.edit.setText(str(self._value) if locked else "")
        random_words = t("app.seed.random")
        last = t("app.seed.last", seed=self._last) if self._last is not None else random_words
        self.edit.setPlaceholderText(last)
        self.lock.setChecked(locked)
        self.lock.set_icon("lock" if locked else "unlock")
        set_invalid(self.edit, False)

    def _typed(self) -> None:
        text = self.edit.text().strip()
        value = int(text) if text else None
        if value is not None and value > self._maximum:
            set_invalid(self.edit, True)
            self.entered.emit(text)
        elif value != self._value:
            self._change(value)

    def _roll(self) -> None:
        self._change(random.SystemRandom().randint(0, self._maximum))

    def _lock_clicked(self, locked: bool) -> None:
        if not locked:
            self._last = self._value
            self._change(None)
        elif self._last is not None:
            self._change(self._last)
        else:
            self._roll()

    def _change(self, value: int | None) -> None:
        self.set_value(value)
        self.changed.emit(value)
