"""What stands in a generated form, without widgets: values, what is wrong with them, how much is shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from studio.app.observable import Property
from studio.domain.parameter import Parameter, ParameterError
from studio.services.event import Event

SIMPLE = 6  # controls that a beginner sees at most


@dataclass(frozen=True)
class Refusal:
    """Why a value was not taken, in the user's language, and a legal one to offer instead, if any."""

    words: str
    nearest: Any = None


@dataclass
class FieldState:
    """One parameter: its last legal value and what is wrong with what was tried after it."""

    parameter: Parameter
    value: Property[Any]
    refusal: Property[Refusal | None] = field(default_factory=lambda: Property[Refusal | None](None))
    retry: Callable[[], object] = lambda: None


class FormModel:
    """The values of *parameters*. `changed` carries a name; `rebuilt`: the parameters are others now."""

    def __init__(self, parameters: Sequence[Parameter] = (), values: Mapping[str, Any] | None = None) -> None:
        self.fields: dict[str, FieldState] = {}
        self.changed: Event[str] = Event()
        self.rebuilt: Event[None] = Event()
        self.valid: Property[bool] = Property(True)
        self.expanded: Property[bool] = Property(False)
        self.set_parameters(parameters, values)

    def set_parameters(
        self, parameters: Sequence[Parameter], values: Mapping[str, Any] | None = None
    ) -> None:
        """Show other parameters (another model). What was chosen stays where it is legal there too."""
        wanted = {**self.values(), **(values or {})}
        self.fields = {p.name: FieldState(p, Property(_legal(p, wanted))) for p in parameters}
        for state in self.fields.values():
            state.value.connect(lambda _, name=state.parameter.name: self.changed.emit(name))
            state.refusal.connect(lambda _: self._validate())
        self._validate()
        self.rebuilt.emit(None)

    @property
    def simple(self) -> list[Parameter]:
        """What is always shown: at most `SIMPLE`."""
        return [p for p in self._shown() if not p.advanced][:SIMPLE]

    @property
    def more(self) -> list[Parameter]:
        """What stands behind "More"."""
        simple = self.simple
        return [p for p in self._shown() if p not in simple]

    def values(self) -> dict[str, Any]:
        """The last legal value of every parameter, hidden ones too."""
        return {name: state.value.value for name, state in self.fields.items()}

    def set(self, name: str, value: Any) -> bool:
        """Take *value* if it is legal; else keep the old one and say why. KeyError for an unknown name."""
        return self._try(name, lambda: self.fields[name].parameter.check(value))

    def enter(self, name: str, text: str) -> bool:
        """As `set`, from what was typed."""
        return self._try(name, lambda: self.fields[name].parameter.parse(text))

    def load(self, values: Mapping[str, Any]) -> None:
        """Take what is legal of *values* (a draft, a file's metadata); say why not of the rest."""
        for name in values.keys() & self.fields.keys():
            self.set(name, values[name])

    def reset(self) -> None:
        """Every shown parameter back to its default."""
        for parameter in self._shown():
            self.set(parameter.name, parameter.default)

    def reword(self) -> None:
        """Say the refusals again, in another language."""
        for state in self.fields.values():
            if state.refusal.value is not None:
                state.retry()

    def _try(self, name: str, check: Callable[[], Any]) -> bool:
        state = self.fields[name]
        state.retry = lambda: self._try(name, check)
        try:
            value = check()
        except ParameterError as error:
            words = error.failure.values.get("reason", error.failure.message)
            state.refusal.value = Refusal(words, error.nearest)
            return False
        state.value.value = value
        state.refusal.value = None  # last: its listeners show the value again
        return True

    def _shown(self) -> list[Parameter]:
        return [state.parameter for state in self.fields.values() if not state.parameter.hidden]

    def _validate(self) -> None:
        self.valid.value = all(state.refusal.value is None for state in self.fields.values())


def _legal(parameter: Parameter, wanted: Mapping[str, Any]) -> Any:
    if parameter.name in wanted:
        with suppress(ParameterError):
            return parameter.check(wanted[parameter.name])
    return parameter.default
