"""Options that are known only once a model is: the parameters of its family.

Everything else on the command line is typer's; this reads what `generate` leaves over.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from msgspec import Struct

from studio.domain.parameter import Choice, Conversation, Parameter, Size, Toggle
from studio.domain.text import t


class Misuse(Exception):
    """The command line was not understood. The text is in the user's language; exit code 2."""


class Option(Struct, frozen=True, kw_only=True):
    """`names` as typed ("--model", "-m"). One without `metavar` takes no value: it is `constant`.

    `many`: it may be given again and again; its values are a list.
    """

    key: str
    names: tuple[str, ...]
    help: str = ""
    metavar: str = ""
    constant: Any = True
    parse: Callable[[str], Any] = str
    many: bool = False


def parse(arguments: Sequence[str], options: Iterable[Option]) -> tuple[list[str], dict[str, Any]]:
    """The words that are no options, and the values by key.

    `--name value` and `--name=value`; the word after an option is its value whatever it looks
    like; `--` ends the options and `-` is a word. Raises Misuse, and what an option's `parse` raises.
    """
    by_name = {name: option for option in options for name in option.names}
    words: list[str] = []
    values: dict[str, Any] = {}
    rest = iter(arguments)
    for argument in rest:
        if argument == "--":
            words.extend(rest)
        elif argument == "-" or not argument.startswith("-"):
            words.append(argument)
        else:
            name, equals, value = argument.partition("=")
            option = by_name.get(name)
            if option is None:
                raise Misuse(unknown(name, by_name))
            if not option.metavar:
                if equals:
                    raise Misuse(t("cli.usage.no_value", option=name))
                values[option.key] = option.constant
                continue
            value = value if equals else next(rest, None)
            if value is None:
                raise Misuse(t("cli.usage.value", option=name, metavar=option.metavar))
            parsed = option.parse(value)
            values[option.key] = [*values.get(option.key, []), parsed] if option.many else parsed
    return words, values


def unknown(name: str, names: Iterable[str]) -> str:
    """Words for an option or command that does not exist, with the nearest that does."""
    close = difflib.get_close_matches(name, list(names), n=1, cutoff=0.5)
    if close:
        return t("cli.usage.unknown_near", name=name, near=close[0])
    return t("cli.usage.unknown", name=name)


def peek(arguments: Sequence[str], names: Sequence[str]) -> str | None:
    """The last value of an option, before the others are known."""
    found = None
    for index, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name in names and (equals or index + 1 < len(arguments)):
            found = value if equals else arguments[index + 1]
    return found


def options_of(parameters: Iterable[Parameter]) -> list[Option]:
    """The options of a family: all that can be said in a word. The prompt is an argument of its own."""
    options: list[Option] = []
    for parameter in parameters:
        if parameter.name == "prompt" or isinstance(parameter, Conversation):
            continue
        if isinstance(parameter, Toggle):
            off = parameter.option.replace("--", "--no-", 1)
            options.append(_option(parameter, parameter.option, constant=True))
            options.append(Option(key=parameter.name, names=(off,), constant=False))
        else:
            options.append(_option(parameter, parameter.option, metavar=_metavar(parameter)))
    return options


def _option(parameter: Parameter, name: str, *, metavar: str = "", constant: Any = True) -> Option:
    return Option(
        key=parameter.name,
        names=(name,),
        help=_help(parameter),
        metavar=metavar,
        constant=constant,
        parse=parameter.parse,
    )


def _metavar(parameter: Parameter) -> str:
    if isinstance(parameter, Choice):
        return "|".join(parameter.choices)
    return "WxH" if isinstance(parameter, Size) else parameter.name.rpartition("_")[2].upper()


def _help(parameter: Parameter) -> str:
    """ "Detail: 25 steps"-like: the label, its term, the limits and the default."""
    label, term = t(parameter.label_key), t(f"{parameter.label_key}.term")
    words = label if term.endswith(".term") else f"{label} ({term})"
    low, high = getattr(parameter, "minimum", None), getattr(parameter, "maximum", None)
    if low is not None and high is not None and not isinstance(parameter, Size):
        words += f", {parameter.format(low)}..{parameter.format(high)}"
    if isinstance(parameter, Size) and parameter.sizes:
        words += ", " + " ".join(map(parameter.format, parameter.sizes))
    default = parameter.format(parameter.default)
    return words + (f" [{default}]" if default else "")
