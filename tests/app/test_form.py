from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from studio.app import language
from studio.app.editors import (
    ChoiceEditor,
    LineEditor,
    NumberEditor,
    PresetEditor,
    SeedEditor,
    SizeEditor,
    TextEditor,
    ToggleEditor,
    editor_for,
)
from studio.app.form import Form, SimpleMore
from studio.app.form_model import SIMPLE, FormModel
from studio.domain.parameter import (
    Choice,
    Integer,
    Number,
    Parameter,
    ParameterError,
    Seed,
    Size,
    Text,
    Toggle,
)

STEPS = Integer(name="steps", default=25, minimum=1, maximum=50)
GUIDANCE = Number(name="guidance", default=7.0, minimum=1.0, maximum=20.0, step=0.5)
COUNT = Integer(name="count", default=1, minimum=1, maximum=16, presets=(1, 4, 8, 16))
SCHEDULER = Choice(name="scheduler", default="ddim", choices=("ddim", "euler"), advanced=True)


class Even(Integer, frozen=True, kw_only=True):
    """A parameter as a family could bring its own."""

    def check(self, value: Any) -> int:
        value = super().check(value)
        if value % 2:
            raise ParameterError(self, "whole", value + 1)
        return value


class Colour(Parameter, frozen=True, kw_only=True):
    """One that is like nothing known: three numbers, written as #rrggbb."""

    default: Any = (0, 0, 0)

    def parse(self, text: str) -> Any:
        if len(text) != 7 or text[0] != "#":
            raise ParameterError(self, "text", (255, 255, 255))
        return tuple(int(text[i : i + 2], 16) for i in (1, 3, 5))

    def format(self, value: Any) -> str:
        return "#" + "".join(f"{part:02x}" for part in value)


def make(qtbot, *parameters: Parameter, **values: Any) -> tuple[FormModel, Form]:
    model = FormModel(parameters, values)
    form = Form(model)
    qtbot.addWidget(form)
    return model, form


def test_a_beginner_sees_six_and_the_rest_is_behind_more(qtbot) -> None:
    many = [Integer(name=f"p{i}", default=1, minimum=1, maximum=9) for i in range(9)]
    hidden = Text(name="prompt", hidden=True)
    model, form = make(qtbot, hidden, SCHEDULER, *many)
    assert len(model.simple) == SIMPLE
    assert [p.name for p in model.more] == ["scheduler", "p6", "p7", "p8"]
    form.show()
    assert form.field("p5").isVisible()
    assert not form.field("p6").isVisible()
    model.expanded.value = True
    assert form.field("p6").isVisible()
    with pytest.raises(KeyError):
        form.field("prompt")
    assert model.values()["prompt"] == ""


def test_the_switch_between_simple_and_more(qtbot) -> None:
    model = FormModel([STEPS, SCHEDULER])
    switch = SimpleMore(model)
    qtbot.addWidget(switch)
    qtbot.mouseClick(switch.buttons()[1], Qt.MouseButton.LeftButton)
    assert model.expanded.value is True
    model.expanded.value = False
    assert switch.value is False
    switch.show()
    model.set_parameters([STEPS])
    assert not switch.isVisible()


def test_an_illegal_value_is_refused_with_the_nearest_legal_one() -> None:
    model = FormModel([STEPS])
    changes: list[str] = []
    model.changed.connect(changes.append)
    assert not model.set("steps", 80)
    refusal = model.fields["steps"].refusal.value
    assert refusal is not None
    assert (refusal.words, refusal.nearest) == ("must lie between 1 and 50", 50)
    assert (model.values(), model.valid.value, changes) == ({"steps": 25}, False, [])
    assert model.enter("steps", "30")
    assert (model.values(), model.valid.value, changes) == ({"steps": 30}, True, ["steps"])
    model.reset()
    assert model.values() == {"steps": 25}


def test_another_model_keeps_what_is_legal_there_too() -> None:
    model = FormModel([STEPS, GUIDANCE], {"steps": 40, "guidance": 3.0})
    model.set_parameters([Integer(name="steps", default=4, minimum=1, maximum=8), GUIDANCE])
    assert model.values() == {"steps": 4, "guidance": 3.0}


def test_a_draft_comes_back_as_plain_json() -> None:
    model = FormModel([Size(), Seed(), STEPS])
    model.load({"size": [64, 128], "seed": 7, "steps": 99, "gone": 1})
    assert model.values() == {"size": (64, 128), "seed": 7, "steps": 25}
    assert not model.valid.value


@pytest.mark.parametrize(
    ("parameter", "editor"),
    [
        (STEPS, NumberEditor),
        (GUIDANCE, NumberEditor),
        (COUNT, PresetEditor),
        (SCHEDULER, ChoiceEditor),
        (Seed(), SeedEditor),
        (Size(), SizeEditor),
        (Toggle(name="tiling", default=False), ToggleEditor),
        (Text(name="negative", multiline=True), TextEditor),
        (Text(name="title"), LineEditor),
        (Even(name="even", default=2, minimum=0, maximum=10), NumberEditor),
        (Colour(name="colour"), LineEditor),
    ],
)
def test_the_editor_is_found_by_class_and_bases(qtbot, parameter: Parameter, editor: type[QWidget]) -> None:
    made = editor_for(parameter)
    qtbot.addWidget(made)
    if hasattr(made, "beside"):
        qtbot.addWidget(made.beside)
    assert type(made) is editor


def test_every_editor_shows_and_changes_its_value(qtbot) -> None:
    toggle, note = Toggle(name="tiling", default=False), Text(name="negative", multiline=True)
    colour = Colour(name="colour")
    model, form = make(qtbot, STEPS, COUNT, SCHEDULER, toggle, note, colour, Size(), Seed())
    editors: dict[str, Any] = {name: form.field(name).editor for name in model.fields}
    editors["steps"].slider.setValue(9)
    editors["count"].buttons()[2].click()
    editors["scheduler"].setCurrentIndex(1)
    editors["scheduler"].activated.emit(1)
    editors["tiling"].click()
    editors["negative"].setPlainText("text")
    qtbot.keyClicks(_cleared(editors["colour"]), "#ff8000")
    qtbot.keyClick(editors["colour"], Qt.Key.Key_Return)
    editors["size"]._row.buttons()[3].click()
    qtbot.keyClicks(editors["seed"].edit, "4294967295")
    qtbot.keyClick(editors["seed"].edit, Qt.Key.Key_Return)
    assert model.values() == {
        "steps": 10,
        "count": 8,
        "scheduler": "euler",
        "tiling": True,
        "negative": "text",
        "colour": (255, 128, 0),
        "size": (680, 384),
        "seed": 4294967295,
    }
    assert model.valid.value


def _cleared(edit: Any) -> Any:
    edit.selectAll()
    return edit


def test_a_typed_impossible_number_is_marked_and_mended_by_one_click(qtbot) -> None:
    model, form = make(qtbot, STEPS)
    form.show()
    field = form.field("steps")
    box = field.editor.box
    qtbot.keyClicks(_cleared(box), "500")
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert field.error() == "must lie between 1 and 50"
    assert box.property("invalid") is True
    assert box.text() == "500", "what was typed stays to be mended"
    assert model.values() == {"steps": 25}
    assert field._offer.words() == "Use 50"
    language.set_language("zh_CN")
    assert "50" in field.error()
    assert field.error() != "must lie between 1 and 50"
    field._offer.click()
    assert (model.values(), field.error(), box.text()) == ({"steps": 50}, "", "50")
    assert box.property("invalid") is False


def test_a_required_text_can_be_emptied_and_written_again(qtbot) -> None:
    model, form = make(qtbot, Text(name="negative", default="a", required=True, multiline=True))
    editor = form.field("negative").editor
    editor.setPlainText("")
    assert not model.valid.value
    editor.setPlainText("b")
    assert model.valid.value
    assert (model.values(), editor.toPlainText()) == ({"negative": "b"}, "b")


def test_a_number_that_is_no_preset_can_be_typed(qtbot) -> None:
    model, form = make(qtbot, COUNT)
    editor = form.field("count").editor
    qtbot.keyClicks(_cleared(editor.beside), "3")
    qtbot.keyClick(editor.beside, Qt.Key.Key_Return)
    assert model.values() == {"count": 3}
    assert editor.value is None
    qtbot.keyClick(editor.beside, Qt.Key.Key_Up)
    assert (model.values(), editor.value) == ({"count": 4}, 4)


def test_width_and_height_can_be_typed_and_stepped(qtbot) -> None:
    model, form = make(qtbot, Size(default=(512, 512), multiple=8))
    field = form.field("size")
    qtbot.keyClicks(_cleared(field.editor._width), "333")
    qtbot.keyClick(field.editor._width, Qt.Key.Key_Return)
    assert "336x512" in field._offer.words()
    field._offer.click()
    assert model.values() == {"size": (336, 512)}
    qtbot.keyClick(field.editor._height, Qt.Key.Key_Down)
    assert model.values() == {"size": (336, 504)}


def test_only_legal_sizes_are_offered(qtbot) -> None:
    model, form = make(qtbot, Size(default=(64, 64), sizes=((64, 64), (64, 96))))
    editor = form.field("size").editor
    assert [button.words() for button in editor._row.buttons()] == ["64 × 64", "64 × 96"]
    editor._row.buttons()[1].click()
    assert model.values() == {"size": (64, 96)}
    one = editor_for(Size(default=(64, 64), sizes=((64, 64),)))
    qtbot.addWidget(one)
    one.set_value((64, 64))
    assert one.isHidden()
    assert one.beside.text() == "64 × 64"


def test_labels_say_the_value_in_both_languages(qtbot) -> None:
    _, form = make(qtbot, GUIDANCE)
    field = form.field("guidance")
    assert (field.label.text(), field.term.text()) == ("Follow the prompt: 7.0", "CFG")
    language.set_language("zh_CN")
    assert field.label.text().endswith("：7.0")
    assert "Low is free" not in field.label.toolTip()
    assert field.label.toolTip()


def test_another_model_builds_another_form(qtbot) -> None:
    model, form = make(qtbot, STEPS, GUIDANCE)
    model.set_parameters([GUIDANCE, COUNT])
    assert form.field("count").editor.value == 1
    with pytest.raises(KeyError):
        form.field("steps")
