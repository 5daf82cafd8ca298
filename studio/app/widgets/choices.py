"""One of several, side by side: what segmented buttons and chip groups share.

Arrow keys move the choice (Qt does that in a group), Tab goes to the chosen one and past the rest.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QLayout, QWidget

from studio.app.widgets.button import PaintedButton


class ChoiceRow(QWidget):
    """`options` are (value, text key); a text that is no key is shown as it stands.

    `changed` carries the value that the user chose; `set_value` is silent and None chooses nothing.
    """

    changed = Signal(object)
    spacing = 6

    def __init__(self, options: Sequence[tuple[object, str]] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._group = QButtonGroup(self)
        self._group.idClicked.connect(self._clicked)
        self._row = self.make_layout()
        self._row.setContentsMargins(0, 0, 0, 0)
        self._values: list[object] = []
        self.set_options(options)

    def make_layout(self) -> QLayout:
        """Side by side in one row."""
        row = QHBoxLayout(self)
        row.setSpacing(self.spacing)
        return row

    def make_button(self, key: str) -> PaintedButton:
        """A checkable button for one option."""
        raise NotImplementedError

    def set_options(self, options: Sequence[tuple[object, str]]) -> None:
        """Replace what is offered; the value stays where it is still among them."""
        value = self.value
        for button in self._group.buttons():
            self._group.removeButton(button)
            self._row.removeWidget(button)
            button.hide()
            button.deleteLater()
        self._values = [value for value, _ in options]
        for index, (_, key) in enumerate(options):
            button = self.make_button(key)
            self._group.addButton(button, index)
            self._row.addWidget(button)
        self.set_value(value)

    @property
    def value(self) -> object:
        index = self._group.checkedId()
        return self._values[index] if index >= 0 else None

    def set_value(self, value: object) -> None:
        """Choose *value* without a signal; nothing is chosen when it is not among the options."""
        index = self._values.index(value) if value in self._values else -1
        self._group.setExclusive(False)
        for each, button in enumerate(self._group.buttons()):
            button.setChecked(each == index)
            button.setFocusPolicy(
                Qt.FocusPolicy.TabFocus if each == max(index, 0) else Qt.FocusPolicy.NoFocus
            )
        self._group.setExclusive(True)

    def buttons(self) -> list[PaintedButton]:
        return [button for button in self._group.buttons() if isinstance(button, PaintedButton)]

    def _clicked(self, index: int) -> None:
        self.set_value(self._values[index])
        self.changed.emit(self._values[index])
