"""Every key of the window in one table, each of which can be changed.

keys.shortcut("generate", panel, panel.generate)     live: follows a change of the key
keys.text("generate")                                how it is written, for a button's hint
keys.set_sequence("generate", "Ctrl+G")              `keys.overrides` is what settings keep
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Mapping

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QWidget
from shiboken6 import isValid

from studio.app.observable import Property, watch
from studio.domain.text import t

DEFAULTS: dict[str, str] = {
    "generate": "Ctrl+Return",
    "generate_first": "Ctrl+Shift+Return",
    "stop": "Esc",
    "weight_up": "Ctrl+Up",
    "weight_down": "Ctrl+Down",
    "previous": "Left",
    "next": "Right",
    "use_again": "Ctrl+I",
    "delete": "Ctrl+D",
    "undo_delete": "Ctrl+Shift+D",
    "search": "Ctrl+F",
    "new": "Ctrl+N",
    "queue": "Ctrl+J",
    "settings": "Ctrl+,",
    "all_keys": "?",
    "actual_size": "1",
    "fit": "0",
    **{f"panel_{number}": f"Alt+{number}" for number in range(1, 10)},
}

_SYMBOLS = {"plus": "+", "Return": "⏎", "Up": "↑", "Down": "↓", "Left": "←", "Right": "→"}

overrides: Property[Mapping[str, str]] = Property({})
_shortcuts: list[tuple[str, weakref.ref[QShortcut]]] = []


def sequence(name: str) -> str:
    """The key of *name*, as `QKeySequence` reads it; "" if the user took it away. KeyError if unknown."""
    return overrides.value.get(name, DEFAULTS[name])


def set_sequence(name: str, keys: str) -> None:
    """Give *name* another key (its default again with the default's own text). Raises KeyError."""
    changed = {**overrides.value, name: keys}
    if keys == DEFAULTS[name]:
        del changed[name]
    overrides.value = changed


def text(name: str) -> str:
    """The key as a person reads it: "Ctrl ⏎", on a Mac "⌘↩"."""
    wanted = QKeySequence(sequence(name))
    if sys.platform == "darwin":
        return wanted.toString(QKeySequence.SequenceFormat.NativeText)
    parts = wanted.toString(QKeySequence.SequenceFormat.PortableText).replace("++", "+plus").split("+")
    return " ".join(_SYMBOLS.get(part, part) for part in parts).strip()


def title(name: str) -> str:
    """What the key does, in the user's language."""
    area, _, number = name.partition("_")
    return t("key.panel", number=number) if area == "panel" else t(f"key.{name}")


def taken_by(keys: str) -> str | None:
    """The name that has *keys* now, or None."""
    wanted = QKeySequence(keys)
    return next(
        (name for name in DEFAULTS if sequence(name) and QKeySequence(sequence(name)) == wanted), None
    )


def used() -> list[str]:
    """The names that something in the window answers to, in the order of the table."""
    _shortcuts[:] = [
        (name, each) for name, each in _shortcuts if (key := each()) is not None and isValid(key)
    ]
    live = {name for name, _ in _shortcuts}
    return [name for name in DEFAULTS if name in live]


def shortcut(
    name: str,
    widget: QWidget,
    slot: Callable[[], object],
    context: Qt.ShortcutContext = Qt.ShortcutContext.WindowShortcut,
) -> QShortcut:
    """Call *slot* on the key of *name* while *widget* is shown. It dies with the widget."""
    made = QShortcut(widget)
    made.setContext(context)
    made.activated.connect(slot)
    _shortcuts.append((name, weakref.ref(made)))

    def apply(_: object = None) -> None:
        keys = sequence(name)
        wanted = [QKeySequence(keys)] if keys else []
        if "Return" in keys:
            wanted.append(QKeySequence(keys.replace("Return", "Enter")))  # the number pad's
        if len(keys) == 1 and not keys.isalnum():
            wanted.append(QKeySequence(f"Shift+{keys}"))  # where a sign comes with the key that made it
        made.setKeys(wanted)

    apply()
    watch(overrides, apply, made)
    return made
