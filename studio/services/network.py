"""The offline switch of this process, and the reasons of what it does on the network.

Everything that goes out is recorded: when, where, why, how much. A *use* of the network (one
download, one search) joins what it contacts and moves.
"""

from __future__ import annotations

import contextvars
import threading
import time
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from studio.services.connections import Connections, Line
from studio.wire import offline as switch

EVERY_SECONDS = 5.0
"""How often the bytes of a use that goes on are written: a process may be killed."""


class Traffic(Struct):
    """Bytes counted by hand, where they do not pass through a client of ours."""

    sent: int = 0
    received: int = 0


class OpenUse:
    """A use that goes on: what `Network.because` stands around. Its clients count its bytes themselves."""

    def __init__(self, connections: Connections, why: str, use_id: str = "") -> None:
        self.id, self.why, self.by_hand = use_id or uuid.uuid4().hex, why, Traffic()
        self.connections = connections
        self._counted = Traffic()
        self._lock = threading.Lock()
        self._hosts: set[str] = set()
        self._written = time.monotonic()

    def count(self, *, sent: int = 0, received: int = 0) -> None:
        """From any thread."""
        with self._lock:
            self._counted.sent += sent
            self._counted.received += received
            due = time.monotonic() - self._written > EVERY_SECONDS
            if due:
                self._written = time.monotonic()
        if due:
            self.write()

    def contacted(self, where: str) -> None:
        """Record *where* ("name:port"), once, whether or not its own socket is seen."""
        with self._lock:
            new = where not in self._hosts
            self._hosts.add(where)
        if new:
            self.connections.add(Line(use=self.id, when=time.time(), why=self.why, host=where))

    def write(self) -> None:
        """How many bytes it has moved."""
        moved = self._counted if self._counted.sent else self.by_hand
        with self._lock:
            # Said again: the line of the contact may have been counted together with older ones by now.
            host = min(self._hosts, default="")
        line = Line(use=self.id, when=time.time(), why=self.why, host=host)
        line.sent, line.received = moved.sent, moved.received
        self.connections.add(line)


_use: contextvars.ContextVar[OpenUse | None] = contextvars.ContextVar("network use", default=None)
_looked_up = threading.local()


def current() -> OpenUse | None:
    """The use that this code runs for, None when nobody gave a reason."""
    return _use.get()


@contextmanager
def within(use: OpenUse | None) -> Generator[OpenUse | None]:
    """Run for the current use, in a thread that has none for *use*; yields whichever it is."""
    known = _use.get() or use
    token = _use.set(known)
    try:
        yield known
    finally:
        _use.reset(token)


class Network:
    """This process's access to the network. One per process, since the switch is."""

    def __init__(self, logs: Path) -> None:
        self.connections = Connections(logs)
        self._open: set[OpenUse] = set()

    def start(self, *, offline: bool = False) -> None:
        """Begin to record, with the switch as given."""
        switch.observe(self._seen)
        switch.forbid(offline)

    def stop(self) -> None:
        """Neither record nor refuse any longer."""
        switch.observe(None)
        switch.forbid(False)

    @property
    def offline(self) -> bool:
        return switch.forbidden()

    @offline.setter
    def offline(self, value: bool) -> None:
        switch.forbid(value)

    @contextmanager
    def because(self, why: str) -> Generator[Traffic]:
        """Give a reason to every connection made inside. Yields where to count what no client counts."""
        with self.part_of(OpenUse(self.connections, why)) as use:
            yield use.by_hand

    @contextmanager
    def part_of(self, use: OpenUse) -> Generator[OpenUse]:
        """Everything inside belongs to *use*, whose bytes are written at the end."""
        token = _use.set(use)
        self._open.add(use)
        try:
            yield use
        finally:
            self._open.discard(use)
            _use.reset(token)
            use.write()

    def write(self) -> None:
        """What every use has moved, before this process ends in the middle of it."""
        for use in tuple(self._open):
            use.write()

    def _seen(self, host: str, port: int, event: switch.Event) -> None:
        if event == "lookup":
            _looked_up.name = host
            return
        refused = event == "refused"
        where = f"{host if refused else getattr(_looked_up, 'name', host)}:{port}"
        use = _use.get()
        if use is not None and not refused:
            use.contacted(where)
            return
        name, why = (use.id, use.why) if use else (uuid.uuid4().hex, "")
        self.connections.add(Line(use=name, when=time.time(), why=why, host=where, refused=refused))
