"""The record of every connection ever made: one file for all processes, a line for each event.

What is old is counted together, by day, then by month, then by year, so that the record stays small and
nothing disappears from it.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from studio.wire import files

log = logging.getLogger(__name__)

RECORD_BYTES = 2_000_000
"""Of a file of lines; there are two at most."""

DAYS_BYTES = 2_000_000
_PERIODS = (10, 7, 4)
"""Letters of a day, a month, a year."""


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


class Line(Struct, kw_only=True, omit_defaults=True):
    """An event of a use: a contact, or how many bytes it has moved so far."""

    use: str
    when: float
    why: str = ""
    host: str = ""
    sent: int | None = None
    received: int | None = None
    refused: bool = False


class Period(Struct, frozen=True, kw_only=True):
    """Uses of one day ("2026-11-28"), month or year that were alike, counted together. Days are UTC's."""

    period: str
    why: str = ""
    hosts: tuple[str, ...] = ()
    refused: bool = False
    uses: int = 0
    sent: int = 0
    received: int = 0


class Connections:
    """The record in the folder *logs*. Processes and threads may use it at once."""

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self._file = logs / "connections.jsonl"
        self._old = logs / "connections.old.jsonl"
        self._periods = logs / "connections.days.json"
        self._lock = logs / "connections.lock"

    def add(self, *lines: Line) -> None:
        """What cannot be written is said in the log; no connection waits for it."""
        data = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            if self._file.exists() and self._file.stat().st_size > RECORD_BYTES:
                self._turn()
            # One write in append mode: lines of several processes do not mix.
            handle = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(handle, data)
            finally:
                os.close(handle)
        except OSError as error:
            log.warning("a connection could not be recorded: %s", error)

    def uses(self, limit: int = 1000) -> list[Use]:
        """The latest uses, the newest first. Raises OSError."""
        found = _uses(self._lines(self._old), self._lines(self._file))
        return sorted(_contacts(found), key=lambda use: use.when, reverse=True)[:limit]

    def periods(self) -> list[Period]:
        """What came before those, counted together, the newest first. Raises OSError."""
        try:
            rows = msgspec.json.decode(self._periods.read_bytes(), type=list[Period])
        except FileNotFoundError:
            return []
        except (msgspec.MsgspecError, UnicodeDecodeError):
            aside = self._periods.with_name(f"{self._periods.stem}.broken-{time.time_ns()}.json")
            self._periods.rename(aside)
            log.warning("the older record of connections cannot be read and is kept as %s", aside)
            return []
        return sorted(rows, key=lambda row: row.period, reverse=True)

    def _turn(self) -> None:
        """Begin a new file of lines; of the one before last only counts stay. One process does it."""
        import filelock

        try:
            with filelock.FileLock(self._lock, timeout=0):
                if self._file.stat().st_size <= RECORD_BYTES:  # another process was faster
                    return
                # What a process still writes into the last file is not lost: the one before is read out.
                self._count_together()
                self._file.replace(self._old)
        except filelock.Timeout:
            pass  # the other one does it

    def _count_together(self) -> None:
        before = _uses(self._lines(self._old))
        going_on = before.keys() & {line.use for line in self._lines(self._file)}
        ended = [use for use in _contacts(before) if use.id not in going_on]
        rows = [*self.periods(), *(_row(use) for use in ended)]
        data = msgspec.json.encode(_joined(rows))
        for letters in _PERIODS[1:]:
            if len(data) > DAYS_BYTES:
                rows = _joined(_shortened(_joined(rows), letters))
                data = msgspec.json.encode(rows)
        files.write(self._periods, data)
        # Theirs go on in the next file.
        kept = [line for use in before.values() if use.id in going_on for line in _lines_of(use)]
        with self._file.open("ab") as file:
            file.write(b"".join(msgspec.json.encode(line) + b"\n" for line in kept))
        self._old.unlink(missing_ok=True)

    def _lines(self, file: Path) -> list[Line]:
        try:
            data = file.read_bytes()
        except FileNotFoundError:
            return []
        found: list[Line] = []
        for each in data.splitlines():
            try:
                found.append(msgspec.json.decode(each, type=Line))
            except (msgspec.MsgspecError, UnicodeDecodeError):
                log.warning("a line of the record of connections cannot be read")
        return found


def _uses(*lines: Iterable[Line]) -> dict[str, Use]:
    found: dict[str, Use] = {}
    for line in (line for part in lines for line in part):
        use = found.get(line.use) or Use(id=line.use, when=line.when, why=line.why)
        new = (line.host,) if line.host and line.host not in use.hosts else ()
        found[line.use] = msgspec.structs.replace(
            use,
            when=min(use.when, line.when),
            hosts=use.hosts + new,
            sent=_most(use.sent, line.sent),
            received=_most(use.received, line.received),
            refused=use.refused or line.refused,
        )
    return found


def _contacts(found: dict[str, Use]) -> list[Use]:
    """A reason under which nothing was contacted is no use of the network."""
    return [use for use in found.values() if use.hosts]


def _most(one: int | None, other: int | None) -> int | None:
    known = [each for each in (one, other) if each is not None]
    return max(known, default=None)


def _lines_of(use: Use) -> list[Line]:
    hosts = use.hosts or ("",)
    return [
        Line(
            use=use.id,
            when=use.when,
            why=use.why,
            host=host,
            sent=use.sent,
            received=use.received,
            refused=use.refused,
        )
        for host in hosts
    ]


def _row(use: Use) -> Period:
    day = datetime.fromtimestamp(use.when, UTC).date().isoformat()
    return Period(
        period=day,
        why=use.why,
        hosts=tuple(sorted(use.hosts)),
        refused=use.refused,
        uses=1,
        sent=use.sent or 0,
        received=use.received or 0,
    )


def _joined(rows: Iterable[Period]) -> list[Period]:
    found: dict[tuple[str, str, tuple[str, ...], bool], Period] = {}
    for row in rows:
        key = (row.period, row.why, row.hosts, row.refused)
        known = found.get(key)
        found[key] = row if known is None else _sum(known, row)
    return list(found.values())


def _sum(one: Period, other: Period) -> Period:
    return msgspec.structs.replace(
        one,
        hosts=tuple(sorted({*one.hosts, *other.hosts})),
        uses=one.uses + other.uses,
        sent=one.sent + other.sent,
        received=one.received + other.received,
    )


def _shortened(rows: list[Period], letters: int) -> list[Period]:
    """The older half by month or year instead: without reasons by month, all hosts of a year together."""
    periods = sorted({row.period for row in rows})
    recent = set(periods[len(periods) // 2 :])
    kept = [row for row in rows if row.period in recent]
    old = [
        msgspec.structs.replace(row, period=row.period[:letters], why="")
        for row in rows
        if row.period not in recent
    ]
    if letters > _PERIODS[-1]:
        return [*kept, *old]
    by_year: dict[tuple[str, bool], Period] = {}
    for row in old:
        known = by_year.get((row.period, row.refused))
        by_year[row.period, row.refused] = row if known is None else _sum(known, row)
    return [*kept, *by_year.values()]
