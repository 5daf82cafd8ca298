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

    `studio` is there once it was given, here or later; `basis` always.
    """

    studio: Studio

    def __init__(self, studio: Studio | None = None, basis: Basis | None = None) -> None:
        self._waiting: list[Callable[[], object]] | None = []
        if studio is not None:
            self.studio, basis = studio, studio.basis
            self._waiting = None
        if basis is None:
            raise TypeError("a desk needs a studio or a basis")
        self.basis = basis
        self.go_requested: Event[str] = Event()
        self.use_requested: Event[Request] = Event()
        self.make_requested: Event[Request] = Event()
        self.result_requested: Event[Path] = Event()
        self.complained: Event[Complaint | None] = Event()
        self.said: Event[Word] = Event()

    def open(self) -> None:
        """The studio runs: do what was asked of it so far. `studio` was set before."""
        waiting, self._waiting = self._waiting, None
        for action in waiting or ():
            action()

    def when_open(self, action: Callable[[], object]) -> None:
        """Do *action* now, or as soon as the studio runs."""
        if self._waiting is None:
            action()
        else:
            self._waiting.append(action)

    @property
    def is_open(self) -> bool:
        """Does the studio run?"""
        return self._waiting is None

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
