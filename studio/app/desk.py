"""What a panel may use besides its own: the running studio, and what it may ask of the window.

Panels do not know each other; they ask the desk. The desk is there before the studio runs: what is
asked of it until then is done as soon as it does.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from studio.domain.failure import Failure
from studio.domain.job import Job
from studio.domain.request import Request
from studio.services.event import Event

if TYPE_CHECKING:
    from studio.services.basis import Basis
    from studio.services.studio import Studio


class Complaint(Struct, frozen=True):
    """A failure to show as a banner above the panel *panel*, "" for the one that is shown.

    `action_key` with `values` names its one button, `action` is what it does.
    """

    panel: str
    failure: Failure
    action_key: str = ""
    action: Callable[[], object] | None = None
    values: dict[str, str] = {}


class Word(Struct, frozen=True):
    """Something short to say for a moment, with one thing to do about it ("Undo")."""

    text: str
    action_key: str = ""
    action: Callable[[], object] | None = None


class Order(Struct, frozen=True):
    """Something to make at once; `accepted` gets its job, unless it is refused."""

    request: Request
    accepted: Callable[[Job], object] | None = None


class _Opening:
    """The studio, once it is there, and what waits for it to run: the same for the desks of all panels."""

    studio: Studio

    def __init__(self) -> None:
        self.done = False
        self.waiting: Event[None] = Event()  # one thing that fails keeps no other from being done


class Desk:
    """`go_requested` carries a panel's key, `use_requested` a request to make again in its task's panel,
    `make_requested` one to make there at once, `result_requested` a file to look at, `withdrawn` the key
    of a panel that has nothing to complain of any more, `unsaid` the action of a word that is out of date.

    One of *studio* and *basis* is given. `studio` may be set later, and `open` then called when it runs.
    """

    panel = ""

    def __init__(self, studio: Studio | None = None, basis: Basis | None = None) -> None:
        self._basis = basis
        self._opening = _Opening()
        if studio is not None:
            self.studio = studio
            self._opening.done = True
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

    @property
    def studio(self) -> Studio:
        return self._opening.studio

    @studio.setter
    def studio(self, studio: Studio) -> None:
        self._opening.studio = studio

    @property
    def is_open(self) -> bool:
        """Does the studio run?"""
        return self._opening.done

    @property
    def basis(self) -> Basis:
        """What is known before the studio runs."""
        return self._basis or self.studio.basis

    def open(self) -> None:
        """The studio runs: do what was asked of it so far. Called once."""
        self._opening.done = True
        self._opening.waiting.emit(None)

    def when_open(self, action: Callable[[], object]) -> None:
        """Do *action* now, or as soon as the studio runs."""
        if self.is_open:
            action()
        else:
            self._opening.waiting.connect(lambda _: action())

    def go(self, key: str) -> None:
        """Show the panel *key*, or `PANEL/PAGE`."""
        self.when_open(lambda: self.go_requested.emit(key))

    def use_again(self, request: Request) -> None:
        """Fill the fields of the panel that makes *request*'s task, and show it. Nothing starts."""
        self.when_open(lambda: self.use_requested.emit(request))

    def make(self, request: Request, accepted: Callable[[Job], object] | None = None) -> None:
        """As `use_again`, and start it as if Generate had been clicked there. *accepted* gets its job."""
        self.when_open(lambda: self.make_requested.emit(Order(request, accepted)))

    def open_result(self, path: Path) -> None:
        """Show the result *path* large, in the gallery."""
        self.when_open(lambda: self.result_requested.emit(path))

    def complain(
        self,
        failure: Failure,
        action_key: str = "",
        action: Callable[[], object] | None = None,
        **values: str,
    ) -> None:
        """Show what went wrong above the panel until it is closed or put right."""
        self.complained.emit(Complaint(self.panel, failure, action_key, action, values))

    def withdraw(self) -> None:
        """What the panel complained of is put right."""
        self.withdrawn.emit(self.panel)

    def say(self, text: str, action_key: str = "", action: Callable[[], object] | None = None) -> None:
        """Show *text* for some seconds."""
        self.said.emit(Word(text, action_key, action))

    def unsay(self, action: Callable[[], object]) -> None:
        """*action* was done some other way: what offers it, if it is still shown, goes."""
        self.unsaid.emit(action)
