"""The offline switch of this process, and the record of everything that went out: when, where, why, how much.

The record is one file for all processes of the studio, a line for each event; a *use* of the network
(one download, one search) joins its lines by an id.
"""

from __future__ import annotations

import contextvars
import logging
import os
import threading
import time
import uuid
from collections.abc import Generator
from contextlib import contextmanager

import msgspec
from msgspec import Struct

from studio.services.paths import Paths
from studio.wire import offline as switch

log = logging.getLogger(__name__)

RECORD_BYTES = 2_000_000


class Use(Struct, frozen=True, kw_only=True):
    """One use of the network. `when`: POSIX seconds. `why`: the caller's words, "" when nobody gave a reason.

    `hosts` as "name:port", in the order of contact. `sent` and `received` in bytes, None while
    unknown. `refused`: the offline switch was on.
    """

    id: str
    when: float
    why: str = ""
    hosts: tuple[str, ...] = ()
    sent: int | None = None
    received: int | None = None
    refused: bool = False


class Traffic(Struct):
    """Bytes counted by hand, where they do not pass through a client of ours."""

    sent: int = 0
    received: int = 0


class OpenUse:
    """A use that goes on: what `Network.because` stands around. Its clients count its bytes themselves."""

    def __init__(self, network: Network, why: str) -> None:
        self.id, self.why, self.by_hand = uuid.uuid4().hex, why, Traffic()
        self.counted = Traffic()
        self._network = network
        self._lock = threading.Lock()
        self._hosts: set[str] = set()

    def count(self, *, sent: int = 0, received: int = 0) -> None:
        """From any thread."""
        with self._lock:
            self.counted.sent += sent
            self.counted.received += received

    def contacted(self, where: str) -> None:
        """Record *where* ("name:port"), which is reached through something else, such as a proxy."""
        with self._lock:
            new = where not in self._hosts
            self._hosts.add(where)
        if new:
            self._network.record(self, where)


class _Line(Struct, kw_only=True, omit_defaults=True):
    use: str
    when: float
    why: str = ""
    host: str = ""
    sent: int | None = None
    received: int | None = None
    refused: bool = False


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

    def __init__(self, paths: Paths) -> None:
        self._file = paths.logs / "connections.jsonl"

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
        """Give a reason to every connection made inside; count the bytes into what it yields."""
        use = OpenUse(self, why)
        token = _use.set(use)
        try:
            yield use.by_hand
        finally:
            _use.reset(token)
            bytes_ = use.counted if use.counted.sent else use.by_hand
            self._append(
                _Line(use=use.id, when=time.time(), why=why, sent=bytes_.sent, received=bytes_.received)
            )

    def record(self, use: OpenUse, where: str) -> None:
        """A contact of *use*, whether or not its socket is seen."""
        self._append(_Line(use=use.id, when=time.time(), why=use.why, host=where))

    def uses(self, limit: int = 1000) -> list[Use]:
        """The latest uses by every process of the studio, the newest first. Raises OSError."""
        found: dict[str, Use] = {}
        for file in (self._file.with_suffix(".old.jsonl"), self._file):
            if file.exists():
                for line in file.read_bytes().splitlines():
                    _join(found, line)
        # A reason under which nothing was contacted is no use of the network.
        contacts = [use for use in found.values() if use.hosts]
        return sorted(contacts, key=lambda use: use.when, reverse=True)[:limit]

    def _seen(self, host: str, port: int, event: switch.Event) -> None:
        if event == "lookup":
            _looked_up.name = host
            return
        name = getattr(_looked_up, "name", host)
        known = _use.get()
        use, why = (known.id, known.why) if known else (uuid.uuid4().hex, "")
        refused = event == "refused"
        where = f"{host if refused else name}:{port}"
        self._append(_Line(use=use, when=time.time(), why=why, host=where, refused=refused))

    def _append(self, line: _Line) -> None:
        data = msgspec.json.encode(line) + b"\n"
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            if self._file.exists() and self._file.stat().st_size > RECORD_BYTES:
                self._file.replace(self._file.with_suffix(".old.jsonl"))
            # One write in append mode: lines of several processes do not mix.
            handle = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(handle, data)
            finally:
                os.close(handle)
        except OSError as error:
            log.warning("a connection could not be recorded: %s", error)


def _join(found: dict[str, Use], data: bytes) -> None:
    try:
        line = msgspec.json.decode(data, type=_Line)
    except msgspec.MsgspecError:
        log.warning("a line of the record of connections cannot be read")
        return
    use = found.get(line.use) or Use(id=line.use, when=line.when, why=line.why)
    new = (line.host,) if line.host and line.host not in use.hosts else ()
    found[line.use] = msgspec.structs.replace(
        use,
        hosts=use.hosts + new,
        sent=use.sent if line.sent is None else line.sent,
        received=use.received if line.received is None else line.received,
        refused=use.refused or line.refused,
    )
