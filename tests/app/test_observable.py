from __future__ import annotations

import gc
import weakref

import pytest
from PySide6.QtWidgets import QLabel, QLineEdit, QPlainTextEdit
from shiboken6 import delete

from studio.app.observable import Computed, Property, bind, watch


def test_a_property_tells_only_of_differences() -> None:
    number = Property(1)
    seen: list[int] = []
    number.connect(seen.append)
    number.value = 1
    number.value = 2
    number.value = 2
    assert seen == [2]


def test_true_and_one_are_different_values() -> None:
    value: Property[object] = Property(1)
    seen: list[object] = []
    value.connect(seen.append)
    value.value = True
    assert seen == [True]


def test_computed_follows_its_sources_and_cannot_be_set() -> None:
    width, height = Property(2), Property(3)
    area = Computed(lambda w, h: w * h, width, height)
    seen: list[int] = []
    area.connect(seen.append)
    width.value = 4
    height.value = 5
    assert (area.value, seen) == (20, [12, 20])
    with pytest.raises(AttributeError):
        area.value = 1  # type: ignore[misc]


def test_a_binding_ends_with_its_widget(qtbot) -> None:
    text = Property("a")
    label = QLabel()
    bind(text, label.setText)
    text.value = "b"
    assert label.text() == "b"
    gone = weakref.ref(label)
    del label
    gc.collect()
    assert gone() is None, "the binding kept the widget"
    text.value = "c"
    assert not text._changed._callbacks


def test_a_closure_over_a_widget_does_not_keep_it(qtbot) -> None:
    text = Property("a")
    label = QLabel()
    bind(text, lambda value, label=label: label.setText(value.upper()), owner=label)
    assert label.text() == "A"
    gone = weakref.ref(label)
    del label
    gc.collect()
    assert gone() is None


def test_a_widget_deleted_by_qt_is_not_called(qtbot) -> None:
    text = Property("a")
    label = QLabel()
    bind(text, label.setText)
    delete(label)
    text.value = "b"
    assert not text._changed._callbacks


def test_a_plain_function_needs_an_owner() -> None:
    with pytest.raises(TypeError):
        watch(Property(1), lambda _: None)


def test_two_ways_and_the_cursor_stays(qtbot) -> None:
    text = Property("hello")
    edit = QLineEdit()
    qtbot.addWidget(edit)
    bind(text, edit.setText, edit.textChanged)
    edit.setCursorPosition(2)
    edit.insert("X")
    assert (text.value, edit.cursorPosition()) == ("heXllo", 3)
    text.value = "new"
    assert edit.text() == "new"


def test_a_value_that_the_model_changes_is_shown_as_changed(qtbot) -> None:
    text = Property("")
    text.connect(lambda value: setattr(text, "value", value.upper()))
    edit = QPlainTextEdit()
    qtbot.addWidget(edit)
    bind(text, edit.setPlainText, edit.textChanged, edit.toPlainText)
    edit.setPlainText("abc")
    assert (text.value, edit.toPlainText()) == ("ABC", "ABC")


def test_only_a_property_can_be_set_from_a_widget(qtbot) -> None:
    edit = QLineEdit()
    qtbot.addWidget(edit)
    with pytest.raises(TypeError):
        bind(Computed(lambda: "x"), edit.setText, edit.textChanged)
