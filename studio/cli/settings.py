"""`studio settings`: what is set, and setting it."""

from __future__ import annotations

from rich.text import Text

from studio.cli import terminal
from studio.cli.options import Misuse, unknown
from studio.domain.text import t
from studio.services import settings_words as words
from studio.services.paths import Paths
from studio.services.settings import SettingsStore


def get(name: str, *, as_json: bool) -> int:
    """Show the setting *name*, "" all of them."""
    settings = SettingsStore(Paths.default()).value
    if name:
        _check(name)
        value = words.as_data(settings)[name]
        if as_json:
            terminal.print_json({name: value})
        else:
            terminal.show(words.words_of(name, settings))
        return terminal.DONE
    if as_json:
        terminal.print_json(words.as_data(settings))
        return terminal.DONE
    table = terminal.table(t("cli.settings.name"), t("cli.settings.value"), t("cli.settings.takes"))
    for each in words.NAMES:
        value, usual = words.words_of(each, settings), words.words_of(each, type(settings)())
        shown = Text(value or t("cli.settings.usual"), style="" if value == usual else "bold")
        table.add_row(Text(each), shown, Text(t(f"settings.takes.{each}"), style="dim"))
    terminal.out().print(table)
    return terminal.DONE


def change(name: str, value: str, *, as_json: bool) -> int:
    """Set *name*; without a value, to what is usual."""
    _check(name)
    store = SettingsStore(Paths.default())
    settings = store.change(**{name: words.value_of(name, value)})
    if as_json:
        terminal.print_json({name: words.as_data(settings)[name]})
    else:
        shown = words.words_of(name, settings) or t("cli.settings.usual")
        terminal.say(t("cli.settings.set", name=name, value=shown))
    return terminal.DONE


def _check(name: str) -> None:
    if name not in words.NAMES:
        raise Misuse(unknown(name, words.NAMES))
