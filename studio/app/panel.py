"""What the window needs to know of a panel. The rail grows from the specs that are given to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct
from PySide6.QtWidgets import QWidget

from studio.domain.job import Job
from studio.domain.request import Request


class Panel(QWidget):
    """A workspace, and if it has one the column for the window's right side. Made at its first showing."""

    inspector: QWidget | None = None

    def restore(self, request: Request) -> None:
        """Fill the fields from *request*; only a panel that makes something can."""
        raise NotImplementedError

    def generate(self, front: bool = False) -> Job | None:
        """Ask for what the fields say; None when that is refused. Only a panel that makes something can."""
        raise NotImplementedError

    def open_result(self, path: Path) -> None:
        """Show the result *path*; only the gallery can."""
        raise NotImplementedError

    def show_page(self, key: str) -> None:
        """Turn to the page *key*; only a panel that has several can."""
        raise NotImplementedError

    def close_down(self) -> None:
        """The studio ends: stop listening, keep what was typed."""


class PanelSpec(Struct, frozen=True):
    """*icon* of `icons.TABLE`, *group* "top" or "bottom" of the rail; *factory* is called once at most.

    *tasks*: what it makes, nothing for most panels.
    """

    key: str
    icon: str
    title_key: str
    factory: Callable[[], Panel]
    group: str = "top"
    tasks: tuple[str, ...] = ()
