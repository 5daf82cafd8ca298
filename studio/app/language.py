"""The language of the window, switched live.

bind_text(button.setText, "app.retry")                  # words
bind_text(label.setText, "strip.waiting", count=model.waiting)   # with a watched value in them
on_language(self.retranslate)                           # anything else, now and on each change
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from studio.app.observable import Observable, Property, watch
from studio.domain import text
from studio.domain.text import t

current: Property[str] = Property(text.language())


def set_language(language: str) -> None:
    """Switch every bound text to *language*, one of `text.LANGUAGES`. Raises ValueError for another."""
    text.set_language(language)
    current.value = language


def bind_text(setter: Callable[[str], object], key: str, /, **values: Any) -> None:
    """Give the setter of a widget the words of *key*, again when the language or a value changes.

    A value may be an `Observable`, which is watched, or a callable, which is asked each time (for
    text that depends on the language itself).
    """

    def show(_: object = None) -> None:
        setter(t(key, **{name: _plain(value) for name, value in values.items()}))

    owner = getattr(setter, "__self__", None)
    for source in (current, *(v for v in values.values() if isinstance(v, Observable))):
        watch(source, show, owner)
    show()


def on_language(method: Callable[[], object]) -> None:
    """Call a widget's method now and after every change of language."""

    def show(_: object = None) -> None:
        method()

    watch(current, show, getattr(method, "__self__", None))
    method()


def _plain(value: Any) -> Any:
    if isinstance(value, Observable):
        return value.value  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return value() if callable(value) else value
