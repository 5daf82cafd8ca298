"""What a panel may use besides its own: the running studio, and what it may ask of the window.

Panels do not know each other; they ask the desk. The desk is there before the studio runs: what is
asked of it until then is done as soon as it does.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from studio.app.observable import Event
from studio.domain.failure import Failure
from studio.domain.request import Request
from studio.services import event

if TYPE_CHECKING:
    from studio.services.basis import Basis
    from studio.services.studio import Studio


class Complaint(Struct, frozen=True):
    """A failure to show as a banner. `action_key` names its one button, `action` is what it does."""

    failure: Failure
    action_key: str = ""
    action: Callable[[], object] | None = None


class Word(Struct, frozen=True):
    """Something short to say for a moment, with one thing to do about it ("Undo")."""

    text: str
    action_key: str = ""
    action: Callable[[], object] | None = None


class Desk:
    """`go_requested` carries a panel's key, `use_requested` a request to make again in its task's panel,
    `make_requested` one to make there at once, `result_requested` a file to look at.

    One of *studio* and *basis* is given. `studio` may be set later, and `open` then called when it runs.
    """

    studio: Studio

    def __init__(self, studio: Studio | None = None, basis: Basis | None = None) -> None:
        self._basis = basis
        self.is_open = studio is not None
        self._opened: event.Event[None] = event.Event()  # one thing that fails keeps no other from being done
        if studio is not None:
            self.studio = studio
        self.go_requested: Event[str] = Event()
        self.use_requested: Event[Request] = Event()
        self.make_requested: Event[Request] = Event()
        self.result_requested: Event[Path] = Event()
        self.complained: Event[Complaint | None] = Event()
        self.said: Event[Word] = Event()

    @property
    def basis(self) -> Basis:
        """What is known before the studio runs."""
        return self._basis or self.studio.basis

    def open(self) -> None:
        """The studio runs: do what was asked of it so far. Called once."""
        self.is_open = True
        self._opened.emit(None)

    def when_open(self, action: Callable[[], object]) -> None:
        """Do *action* now, or as soon as the studio runs."""
        if self.is_open:
            action()
        else:
            self._opened.connect(lambda _: action())

    def go(self, key: str) -> None:
        """Show the panel *key*."""
        self.when_open(lambda: self.go_requested.emit(key))

    def use_again(self, request: Request) -> None:
        """Fill the fields of the panel that makes *request*'s task, and show it. Nothing starts."""
        self.when_open(lambda: self.use_requested.emit(request))

    def make(self, request: Request) -> None:
        """As `use_again`, and start it as if Generate had been clicked there."""
        self.when_open(lambda: self.make_requested.emit(request))

    def open_result(self, path: Path) -> None:
        """Show the result *path* large, in the gallery."""
        self.when_open(lambda: self.result_requested.emit(path))

    def complain(
        self, failure: Failure, action_key: str = "", action: Callable[[], object] | None = None
    ) -> None:
        """Show what went wrong above the panels until it is closed or put right."""
        self.complained.emit(Complaint(failure, action_key, action))

    def say(self, text: str, action_key: str = "", action: Callable[[], object] | None = None) -> None:
        """Show *text* for some seconds."""
        self.said.emit(Word(text, action_key, action))
