"""What a family lets the user choose, as data from which forms, options and checks build themselves.

A family may subclass `Parameter` in its own folder: a form shows a class that it does not know
with the editor of its nearest known base, at last a line of text read by `parse`.
"""

from __future__ import annotations

from typing import Any, cast

from msgspec import Struct

from studio.domain.failure import StudioError
from studio.domain.text import t

MAX_SEED = 2**32 - 1


class ParameterError(StudioError):
    """A value that a parameter refuses. `nearest` is a legal value to offer instead, or None."""

    def __init__(self, parameter: Parameter, reason: str, nearest: Any = None, /, **values: object) -> None:
        self.parameter = parameter
        self.nearest = nearest
        super().__init__(
            "param.invalid",
            name=t(parameter.label_key),
            reason=t(f"parameter.invalid.{reason}", **values),
        )


class Parameter(Struct, frozen=True, kw_only=True):
    """One choice. `default` is a legal value; `advanced` ones stand behind "More".

    `label` is a text key (default `parameter.<name>`), `<label>.term` the field's own word (CFG)
    and `<label>.help` a sentence, both optional. `hidden` ones have a place of their own in the
    window (the prompt box, the conversation) and are absent from generated forms.
    """

    name: str
    default: Any = None
    label: str = ""
    advanced: bool = False
    hidden: bool = False

    @property
    def label_key(self) -> str:
        return self.label or f"parameter.{self.name}"

    @property
    def option(self) -> str:
        """Its option on the command line: `max_tokens` is `--max-tokens`."""
        return "--" + self.name.replace("_", "-")

    def check(self, value: Any) -> Any:
        """The value in its canonical type, from Python or from decoded JSON. Raises ParameterError."""
        return value

    def parse(self, text: str) -> Any:
        """The value that *text* says. Raises ParameterError."""
        return self.check(text)

    def format(self, value: Any) -> str:
        return "" if value is None else str(value)


class Text(Parameter, frozen=True, kw_only=True):
    """A string. `required`: not blank. `maximum`: characters."""

    default: Any = ""
    required: bool = False
    multiline: bool = False
    maximum: int = 200_000

    def check(self, value: Any) -> str:
        if not isinstance(value, str):
            raise ParameterError(self, "text")
        if self.required and not value.strip():
            raise ParameterError(self, "empty")
        if len(value) > self.maximum:
            raise ParameterError(self, "long", value[: self.maximum], maximum=self.maximum)
        return value


class Number(Parameter, frozen=True, kw_only=True):
    """A float in `minimum..maximum`; `step` is the slider's."""

    default: Any = 0.0
    minimum: float
    maximum: float
    step: float = 0.1

    def check(self, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
            raise ParameterError(self, "number", self.default)
        if not self.minimum <= value <= self.maximum:
            nearest = min(max(value, self.minimum), self.maximum)
            raise ParameterError(self, "range", nearest, minimum=self.minimum, maximum=self.maximum)
        return float(value)

    def parse(self, text: str) -> float:
        try:
            value = float(text.strip())
        except ValueError:
            raise ParameterError(self, "number", self.default) from None
        return self.check(value)

    def format(self, value: Any) -> str:
        return f"{value:g}"


class Integer(Parameter, frozen=True, kw_only=True):
    """A whole number in `minimum..maximum`. `presets`, if any, are offered as buttons."""

    default: Any = 0
    minimum: int
    maximum: int
    step: int = 1
    presets: tuple[int, ...] = ()

    def check(self, value: Any) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise ParameterError(self, "whole", self.default)
        if not self.minimum <= value <= self.maximum:
            nearest = min(max(value, self.minimum), self.maximum)
            raise ParameterError(self, "range", nearest, minimum=self.minimum, maximum=self.maximum)
        return value

    def parse(self, text: str) -> int:
        try:
            value = int(text.strip())
        except ValueError:
            raise ParameterError(self, "whole", self.default) from None
        return self.check(value)


class Toggle(Parameter, frozen=True, kw_only=True):
    """Yes or no."""

    default: Any = False

    def check(self, value: Any) -> bool:
        if not isinstance(value, bool):
            raise ParameterError(self, "yes_no", self.default)
        return value

    def parse(self, text: str) -> bool:
        word = text.strip().lower()
        if word not in ("true", "false", "yes", "no", "on", "off", "1", "0"):
            raise ParameterError(self, "yes_no", self.default)
        return word in ("true", "yes", "on", "1")

    def format(self, value: Any) -> str:
        return "yes" if value else "no"


class Choice(Parameter, frozen=True, kw_only=True):
    """One of `choices`; the text key of each is `<label>.<choice>`, else it is shown as it stands."""

    default: Any = ""
    choices: tuple[str, ...]

    def check(self, value: Any) -> str:
        if value not in self.choices:
            raise ParameterError(self, "choice", self.default, choices=", ".join(self.choices))
        return value

    def title(self, choice: str) -> str:
        words = t(f"{self.label_key}.{choice}")
        return choice if words == f"{self.label_key}.{choice}" else words


class Seed(Parameter, frozen=True, kw_only=True):
    """A whole number in 0..2^32-1, or None for "a new one each time"; `fix` makes it a number."""

    name: str = "seed"

    def check(self, value: Any) -> int | None:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            raise ParameterError(self, "whole")
        if not 0 <= value <= MAX_SEED:
            nearest = min(max(value, 0), MAX_SEED)
            raise ParameterError(self, "range", nearest, minimum=0, maximum=MAX_SEED)
        return value

    def parse(self, text: str) -> int | None:
        text = text.strip()
        if text in ("", "random"):
            return None
        try:
            value = int(text)
        except ValueError:
            raise ParameterError(self, "whole") from None
        return self.check(value)

    @staticmethod
    def fix(value: int | None) -> int:
        from random import SystemRandom  # not for the window's first picture

        return SystemRandom().randint(0, MAX_SEED) if value is None else value


class Size(Parameter, frozen=True, kw_only=True):
    """Width and height in pixels, multiples of `multiple`, each side in `minimum..maximum`.

    `sizes`, if any, are the only legal ones (a small model draws one size).
    """

    name: str = "size"
    default: Any = (512, 512)
    multiple: int = 8
    minimum: int = 64
    maximum: int = 2048
    sizes: tuple[tuple[int, int], ...] = ()

    def check(self, value: Any) -> tuple[int, int]:
        if not isinstance(value, list | tuple) or len(value) != 2 or not all(type(v) is int for v in value):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
            raise self._no_size(self.default)
        size = cast("tuple[int, int]", tuple(value))  # pyright: ignore[reportUnknownArgumentType]
        if self.sizes:
            if size not in self.sizes:
                legal, nearest = ", ".join(map(self.format, self.sizes)), self.nearest(size)
                raise ParameterError(
                    self, "size_choice", nearest, choices=legal, nearest=self.format(nearest)
                )
        elif size != self.nearest(size):
            nearest = self.nearest(size)
            raise ParameterError(
                self,
                "size_step",
                nearest,
                multiple=self.multiple,
                minimum=self.minimum,
                maximum=self.maximum,
                nearest=self.format(nearest),
            )
        return size

    def nearest(self, size: tuple[int, int]) -> tuple[int, int]:
        """The legal size closest to *size*."""
        if self.sizes:
            return min(self.sizes, key=lambda s: abs(s[0] - size[0]) + abs(s[1] - size[1]))
        width, height = (
            round(min(max(side, self.minimum), self.maximum) / self.multiple) * self.multiple for side in size
        )
        return width, height

    def parse(self, text: str) -> tuple[int, int]:
        width, _, height = text.lower().replace("×", "x").strip().partition("x")
        if not (width.strip().isdecimal() and height.strip().isdecimal()):
            one = int(width) if width.strip().isdecimal() else None
            raise self._no_size(self.default if one is None else self.nearest((one, one)))
        return self.check((int(width), int(height)))

    def _no_size(self, nearest: tuple[int, int]) -> ParameterError:
        return ParameterError(self, "size", nearest, nearest=self.format(nearest))

    def format(self, value: Any) -> str:
        return f"{value[0]}x{value[1]}"


class Conversation(Parameter, frozen=True, kw_only=True):
    """The turns so far: a list of `{"role": "user"|"assistant", "content": str}`, oldest first.

    Empty: only the prompt counts.
    """

    name: str = "messages"
    default: Any = ()
    hidden: bool = True

    def check(self, value: Any) -> list[dict[str, str]]:
        turns: list[Any] = list(value) if isinstance(value, list | tuple) else [None]  # pyright: ignore[reportUnknownArgumentType]
        for turn in turns:
            if (
                not isinstance(turn, dict)
                or turn.get("role") not in ("user", "assistant")  # pyright: ignore[reportUnknownMemberType]
                or not isinstance(turn.get("content"), str)  # pyright: ignore[reportUnknownMemberType]
            ):
                raise ParameterError(self, "conversation")
        return turns
