"""A form that builds itself from a family's parameters.

model = FormModel(spec.parameters_for(found), draft)
form = Form(model)                    the fields; those behind "More" appear with it
inspector.head.addWidget(SimpleMore(model))
"""

from __future__ import annotations

from typing import Any

from PySide6.QtWidgets import QVBoxLayout, QWidget

from studio.app.editors import as_editor, editor_for
from studio.app.form_model import FieldState, FormModel, Refusal
from studio.app.language import on_language
from studio.app.observable import bind, watch
from studio.app.widgets.chips import ChipGroup
from studio.app.widgets.field import Field
from studio.app.widgets.number_box import set_invalid
from studio.app.widgets.paint import set_tooltip
from studio.domain.parameter import Parameter
from studio.domain.text import t


class Form(QWidget):
    """One field for each shown parameter of *model*, built anew when the parameters change."""

    def __init__(self, model: FormModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self._fields: dict[str, ParameterField] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(18)
        watch(model.rebuilt, self._rebuild)
        watch(model.expanded, self._expand)
        self._rebuild(None)
        on_language(model.reword)

    def field(self, name: str) -> ParameterField:
        """KeyError when it is hidden or unknown."""
        return self._fields[name]

    def _rebuild(self, _: None) -> None:
        for field in self._fields.values():
            field.hide()
            field.deleteLater()
        self._fields = {}
        for parameter in (*self._model.simple, *self._model.more):
            field = ParameterField(self._model, self._model.fields[parameter.name])
            self._fields[parameter.name] = field
            self._column.addWidget(field)
        self._expand(self._model.expanded.value)

    def _expand(self, expanded: bool) -> None:
        for parameter in self._model.more:
            self._fields[parameter.name].setVisible(expanded)


class SimpleMore(ChipGroup):
    """How much of the form is shown; absent when there is no more."""

    def __init__(self, model: FormModel, parent: QWidget | None = None) -> None:
        super().__init__([(False, "app.simple"), (True, "app.more")], parent)
        self._model = model
        bind(model.expanded, self.set_value, self.changed)
        watch(model.rebuilt, self._rebuilt)
        if not model.more:
            self.hide()

    def _rebuilt(self, _: None) -> None:
        self.setVisible(bool(self._model.more))


class ParameterField(Field):
    """One parameter's editor between its label and what is wrong with it."""

    def __init__(self, model: FormModel, state: FieldState) -> None:
        self._model, self._state = model, state
        parameter = state.parameter
        editor = editor_for(parameter)
        super().__init__(
            parameter.label_key,
            editor,
            _optional(f"{parameter.label_key}.term"),
            getattr(editor, "beside", None),
        )
        self._shows_value = bool(getattr(editor, "shows_value", False))
        if getattr(editor, "labelled", False):
            self.label.hide()
            self.term.hide()
        face = as_editor(editor)
        face.changed.connect(self._changed)
        if entered := getattr(editor, "entered", None):
            entered.connect(self._entered)
        bind(state.value, self._show)
        watch(state.refusal, self._refused)
        on_language(self._retranslate)

    def _changed(self, value: Any) -> None:
        self._model.set(self._state.parameter.name, value)

    def _entered(self, text: str) -> None:
        self._model.enter(self._state.parameter.name, text)

    def _show(self, value: Any) -> None:
        as_editor(self.editor).set_value(value)
        self._label(value)

    def _label(self, value: Any) -> None:
        parameter = self._state.parameter
        label = t(parameter.label_key)
        if self._shows_value:
            written = getattr(self.editor, "text", parameter.format)  # a slider writes all its decimals
            number = written(value)
            unit = f"{parameter.label_key}.value"
            shown = t(unit, value=number) if _optional(unit) else number
            label = t("form.value", label=label, value=shown)
        self.label.setText(label)

    def _refused(self, refusal: Refusal | None) -> None:
        set_invalid(self.editor, refusal is not None)
        if refusal is None:
            self.set_error("")
            as_editor(self.editor).set_value(self._state.value.value)
            return
        parameter, nearest = self._state.parameter, refusal.nearest
        if nearest is None:
            self.set_error(refusal.words)
        else:
            offer = t("form.use", value=_written(parameter, nearest))
            self.set_error(refusal.words, offer, lambda: self._changed(nearest))

    def _retranslate(self) -> None:
        self._label(self._state.value.value)
        words = _optional(f"{self._state.parameter.label_key}.help")
        set_tooltip(self.label, t(words) if words else "")
        self.editor.setAccessibleDescription(t(words) if words else "")


def _optional(key: str) -> str:
    """The key if the catalogue has words for it."""
    return "" if t(key) == key else key


def _written(parameter: Parameter, value: Any) -> str:
    text = parameter.format(value)
    return text if len(text) <= 24 else text[:24] + "…"
