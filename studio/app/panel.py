"""What the window needs to know of a panel. The rail grows from the specs that are given to it."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct
from PySide6.QtWidgets import QWidget


class Panel(QWidget):
    """A workspace, and if it has one the column for the window's right side. Made at its first showing."""

    inspector: QWidget | None = None


class PanelSpec(Struct, frozen=True):
    """*icon* of `icons.TABLE`, *group* "top" or "bottom" of the rail; *factory* is called once at most."""

    key: str
    icon: str
    title_key: str
    factory: Callable[[], Panel]
    group: str = "top"
