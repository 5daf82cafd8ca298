"""What a panel may use besides its own: the running studio, and what it may ask of the window.

Panels do not know each other; they ask the desk.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from pathlib import Path

from studio.domain.failure import Failure
from studio.domain.job import Job
from studio.domain.request import Request
from studio.services.event import Event
from studio.services.studio import Studio


@dataclass(frozen=True)
class Complaint:
    """A failure to show as a banner above the panel *panel*, "" for the one that is shown.

    `action_key` names its one button, `action` is what it does.
    """

    panel: str
    failure: Failure
    action_key: str = ""
    action: Callable[[], object] | None = None


@dataclass(frozen=True)
class Word:
    """Something short to say for a moment, with one thing to do about it ("Undo")."""

    text: str
    action_key: str = ""
    action: Callable[[], object] | None = None


@dataclass(frozen=True)
class Order:
    """Something to make at once; `accepted` gets its job, unless it is refused."""

    request: Request
    accepted: Callable[[Job], object] | None = None


class Desk:
    """`go_requested` carries a panel's key, `use_requested` a request to make again in its task's panel,
    `make_requested` one to make there at once, `result_requested` a file to look at, `withdrawn` the key
    of a panel that has nothing to complain of any more, `unsaid` the action of a word that is out of date.
    """

    panel = ""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self.go_requested: Event[str] = Event()
        self.use_requested: Event[Request] = Event()
        self.make_requested: Event[Order] = Event()
        self.result_requested: Event[Path] = Event()
        self.complained: Event[Complaint] = Event()
        self.withdrawn: Event[str] = Event()
        self.said: Event[Word] = Event()
        self.unsaid: Event[Callable[[], object]] = Event()

    def of(self, panel: str) -> Desk:
        """The same desk as the panel *panel* sees it: what it complains of stands above that panel."""
        own = copy(self)
        own.panel = panel
        return own

    def go(self, key: str) -> None:
        """Show the panel *key*."""
        self.go_requested.emit(key)

    def use_again(self, request: Request) -> None:
        """Fill the fields of the panel that makes *request*'s task, and show it. Nothing starts."""
        self.use_requested.emit(request)

    def make(self, request: Request, accepted: Callable[[Job], object] | None = None) -> None:
        """As `use_again`, and start it as if Generate had been clicked there. *accepted* gets its job."""
        self.make_requested.emit(Order(request, accepted))

    def open_result(self, path: Path) -> None:
        """Show the result *path* large, in the gallery."""
        self.result_requested.emit(path)

    def complain(
        self, failure: Failure, action_key: str = "", action: Callable[[], object] | None = None
    ) -> None:
        """Show what went wrong above the panel until it is closed or put right."""
        self.complained.emit(Complaint(self.panel, failure, action_key, action))

    def withdraw(self) -> None:
        """What the panel complained of is put right."""
        self.withdrawn.emit(self.panel)

    def say(self, text: str, action_key: str = "", action: Callable[[], object] | None = None) -> None:
        """Show *text* for some seconds."""
        self.said.emit(Word(text, action_key, action))

    def unsay(self, action: Callable[[], object]) -> None:
        """*action* was done some other way: what offers it, if it is still shown, goes."""
        self.unsaid.emit(action)
