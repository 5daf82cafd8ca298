"""What a panel may use besides its own: the running studio, and what it may ask of the window.

Panels do not know each other; they ask the desk.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from studio.app.observable import Event
from studio.domain.failure import Failure
from studio.domain.request import Request
from studio.services.studio import Studio


@dataclass(frozen=True)
class Complaint:
    """A failure to show as a banner. `action_key` with `values` names its one button, `action` is what it
    does.
    """

    failure: Failure
    action_key: str = ""
    action: Callable[[], object] | None = None
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Word:
    """Something short to say for a moment, with one thing to do about it ("Undo")."""

    text: str
    action_key: str = ""
    action: Callable[[], object] | None = None


class Desk:
    """`go_requested` carries a panel's key, `use_requested` a request to make again in its task's panel,
    `make_requested` one to make there at once, `result_requested` a file to look at.
    """

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self.go_requested: Event[str] = Event()
        self.use_requested: Event[Request] = Event()
        self.make_requested: Event[Request] = Event()
        self.result_requested: Event[Path] = Event()
        self.complained: Event[Complaint | None] = Event()
        self.said: Event[Word] = Event()

    def go(self, key: str) -> None:
        """Show the panel *key*."""
        self.go_requested.emit(key)

    def use_again(self, request: Request) -> None:
        """Fill the fields of the panel that makes *request*'s task, and show it. Nothing starts."""
        self.use_requested.emit(request)

    def make(self, request: Request) -> None:
        """As `use_again`, and start it as if Generate had been clicked there."""
        self.make_requested.emit(request)

    def open_result(self, path: Path) -> None:
        """Show the result *path* large, in the gallery."""
        self.result_requested.emit(path)

    def complain(
        self,
        failure: Failure,
        action_key: str = "",
        action: Callable[[], object] | None = None,
        **values: str,
    ) -> None:
        """Show what went wrong above the panels until it is closed or put right."""
        self.complained.emit(Complaint(failure, action_key, action, values))

    def say(self, text: str, action_key: str = "", action: Callable[[], object] | None = None) -> None:
        """Show *text* for some seconds."""
        self.said.emit(Word(text, action_key, action))
