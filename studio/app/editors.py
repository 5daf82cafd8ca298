"""Which control edits which kind of parameter, found by the parameter's class and its bases.

An editor is a widget with `changed = Signal(object)` (a value), perhaps `entered = Signal(str)`
(typed text, for the parameter to read) and `set_value`, which is silent. It may have `beside`, a
widget for the right of its label; `shows_value`: its value stands in the label; `labelled`: it
carries its own label.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol, cast

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from studio.app.language import bind_text
from studio.app.widgets.combo import ComboBox
from studio.app.widgets.label import Label
from studio.app.widgets.number_box import NumberBox, set_invalid
from studio.app.widgets.seed_field import SeedField
from studio.app.widgets.segmented import SegmentedButtons
from studio.app.widgets.slider import SliderRow
from studio.app.widgets.switch import Switch
from studio.app.widgets.text_area import TextArea
from studio.domain.parameter import Choice, Integer, Number, Parameter, Seed, Size, Text, Toggle

_SHAPES = ((1, 1), (4, 3), (3, 4), (16, 9), (9, 16))


class Editor(Protocol):
    """See the module."""

    changed: Any

    def set_value(self, value: Any) -> None: ...


def editor_for(parameter: Parameter) -> QWidget:
    """The editor of the nearest known class; a line of text for one that nobody knows."""
    make = next(EDITORS[each] for each in type(parameter).__mro__ if each in EDITORS)
    return make(parameter)


class LineEditor(QLineEdit):
    """Any parameter as text: its own `format` shows it and its own `parse` reads it."""

    changed = Signal(object)
    entered = Signal(str)

    def __init__(self, parameter: Parameter) -> None:
        super().__init__()
        self._parameter = parameter
        self.setMinimumHeight(36)
        self.editingFinished.connect(self._finished)

    def set_value(self, value: Any) -> None:
        set_invalid(self, False)
        self.setText(self._parameter.format(value))

    def _finished(self) -> None:
        if self.isModified():
            self.setModified(False)
            self.entered.emit(self.text())


class TextEditor(TextArea):
    """Several lines."""

    changed = Signal(object)

    def __init__(self, parameter: Text) -> None:
        super().__init__(f"{parameter.label_key}.help", lines=2, most_lines=6)
        self.text_changed.connect(self._typed)

    def _typed(self, text: str) -> None:
        self.changed.emit(text)

    def set_value(self, value: str) -> None:
        self.blockSignals(True)
        self.set_text(value)
        self.blockSignals(False)


class NumberEditor(SliderRow):
    """A slider and a box."""

    shows_value = True

    def __init__(self, parameter: Number | Integer) -> None:
        super().__init__(parameter.minimum, parameter.maximum, parameter.step)


class PresetEditor(SegmentedButtons):
    """Buttons for the usual numbers, a small box beside the label for any other."""

    entered = Signal(str)

    def __init__(self, parameter: Integer) -> None:
        super().__init__([(number, str(number)) for number in parameter.presets])
        self._parameter = parameter
        self._number = parameter.default
        self.beside = NumberBox(width=60, compact=True)
        bind_text(self.beside.setAccessibleName, parameter.label_key)
        self.beside.entered.connect(self.entered)
        self.beside.stepped.connect(self._stepped)

    def set_value(self, value: object) -> None:
        super().set_value(value)
        if isinstance(value, int):  # the row is being built before it has a box
            self._number = value
            self.beside.set_value(value)

    def _stepped(self, steps: int) -> None:
        number = self._number + steps * self._parameter.step
        self.changed.emit(min(max(number, self._parameter.minimum), self._parameter.maximum))


class ChoiceEditor(ComboBox):
    """The titles follow the language; a choice without words is shown as it stands."""

    def __init__(self, parameter: Choice) -> None:
        self._parameter = parameter
        super().__init__([(choice, f"{parameter.label_key}.{choice}") for choice in parameter.choices])

    def title(self, value: object, key: str) -> str:
        del key
        return self._parameter.title(str(value))


class ToggleEditor(Switch):
    """Its words stand beside the switch."""

    labelled = True

    def __init__(self, parameter: Toggle) -> None:
        super().__init__(parameter.label_key)


class SeedEditor(SeedField):
    """The studio's seeds."""

    def __init__(self, parameter: Seed) -> None:
        del parameter
        super().__init__()


class SizeEditor(QWidget):
    """Shapes as buttons, width and height beside the label; where few sizes are legal, only those."""

    changed = Signal(object)
    entered = Signal(str)

    def __init__(self, parameter: Size) -> None:
        super().__init__()
        self._parameter = parameter
        self._size: tuple[int, int] = parameter.default
        sizes = parameter.sizes or self._shapes()
        self._row = SegmentedButtons([(size, self._title(size)) for size in sizes] if len(sizes) > 1 else [])
        self._row.changed.connect(self.changed)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._row)
        if len(sizes) < 2:
            self.hide()
        self.beside: QWidget = self._make_boxes() if not parameter.sizes else Label(role="small")
        self.setFocusProxy(self._row)

    def _shapes(self) -> tuple[tuple[int, int], ...]:
        """The usual shapes with about the default's number of pixels."""
        area = self._parameter.default[0] * self._parameter.default[1]
        legal = (
            self._parameter.nearest((round(math.sqrt(area * w / h)), round(math.sqrt(area * h / w))))
            for w, h in _SHAPES
        )
        return tuple(dict.fromkeys(legal))

    def _title(self, size: tuple[int, int]) -> str:
        if self._parameter.sizes:
            return f"{size[0]} × {size[1]}"
        width, height = min(_SHAPES, key=lambda s: abs(math.log(s[0] / s[1] * size[1] / size[0])))
        return f"{width}:{height}"

    def _make_boxes(self) -> QWidget:
        holder = QWidget()
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        self._width, self._height = (NumberBox(width=56, compact=True) for _ in range(2))
        for box, key, axis in ((self._width, "form.width", 0), (self._height, "form.height", 1)):
            bind_text(box.setAccessibleName, key)
            box.entered.connect(self._typed)
            box.stepped.connect(lambda steps, axis=axis: self._stepped(axis, steps))
        times = Label(role="small")
        times.setText("×")
        for each in (self._width, times, self._height):
            row.addWidget(each)
        return holder

    def set_value(self, value: tuple[int, int]) -> None:
        self._size = value
        self._row.set_value(value)
        if isinstance(self.beside, Label):
            self.beside.setText(f"{value[0]} × {value[1]}")
        else:
            self._width.set_value(value[0])
            self._height.set_value(value[1])

    def _typed(self, _: str) -> None:
        self.entered.emit(f"{self._width.text()}x{self._height.text()}")

    def _stepped(self, axis: int, steps: int) -> None:
        sides = list(self._size)
        sides[axis] += steps * self._parameter.multiple
        self.changed.emit(self._parameter.nearest((sides[0], sides[1])))


def _integer(parameter: Integer) -> QWidget:
    return PresetEditor(parameter) if parameter.presets else NumberEditor(parameter)


def _text(parameter: Text) -> QWidget:
    return TextEditor(parameter) if parameter.multiline else LineEditor(parameter)


EDITORS: dict[type[Parameter], Callable[[Any], QWidget]] = {
    Parameter: LineEditor,
    Text: _text,
    Number: NumberEditor,
    Integer: _integer,
    Toggle: ToggleEditor,
    Choice: ChoiceEditor,
    Seed: SeedEditor,
    Size: SizeEditor,
}


def as_editor(widget: QWidget) -> Editor:
    """The same widget, seen as an editor."""
    return cast(Editor, widget)
