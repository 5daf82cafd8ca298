"""The studio's one database: SQLite in `data/studio.db`, used by one thread of its own.

Nobody waits for the disk in the window's thread. What is written survives a kill: write-ahead log,
synchronous FULL, one transaction for each call. Files are the truth for results; a database that
cannot be read is kept aside and a new one begins.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from studio.domain.failure import Failure, StudioError
from studio.services.event import Event
from studio.services.settings import set_aside

log = logging.getLogger(__name__)

T = TypeVar("T")

# Only ever appended to: a database knows by number which ones it has seen.
MIGRATIONS: tuple[str, ...] = (
    # The queue: jobs that have not ended, and what runs have cost.
    """
    CREATE TABLE jobs (
        id TEXT PRIMARY KEY,
        position INTEGER NOT NULL,
        kept BLOB NOT NULL
    ) STRICT;
    CREATE TABLE runs (
        id INTEGER PRIMARY KEY,
        model TEXT NOT NULL,
        family TEXT NOT NULL,
        device TEXT NOT NULL,
        ended REAL NOT NULL,
        run BLOB NOT NULL
    ) STRICT;
    CREATE INDEX runs_by_model ON runs (model, family, device, ended);
    """,
    # The gallery's index. A name may be taken in the results folder and in its trash.
    """
    CREATE TABLE results (
        id INTEGER PRIMARY KEY,
        path TEXT NOT NULL,
        task TEXT NOT NULL,
        media_type TEXT NOT NULL,
        created REAL NOT NULL,
        bytes INTEGER NOT NULL,
        prompt TEXT NOT NULL,
        model TEXT NOT NULL,
        seed INTEGER,
        width INTEGER,
        height INTEGER,
        seconds REAL,
        request BLOB,
        trashed REAL
    ) STRICT;
    CREATE UNIQUE INDEX results_by_path ON results (path, (trashed IS NOT NULL));
    CREATE INDEX results_by_date ON results (created, id) WHERE trashed IS NULL;
    """,
)


class Database:
    """`aside`: where a database that could not be read was kept. `failed` tells of writes that were lost."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.aside: Path | None = None
        self.failed: Event[Failure] = Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="database")
        self._connection: sqlite3.Connection | None = None
        self._writes: set[asyncio.Future[object]] = set()
        self._version = 0

    async def open(self) -> None:
        """Open or create it and bring it up to date.

        Raises StudioError `data.newer` for a later version's, `output.unwritable` or `disk.full`.
        """
        await asyncio.wrap_future(self._thread.submit(self._open))

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """*work*'s result, done in one transaction after everything asked for before.

        Raises what *work* raises, and StudioError `disk.full` or `internal` for what SQLite raises.
        """
        return await asyncio.wrap_future(self._submit(work))

    def soon(self, work: Callable[[sqlite3.Connection], object]) -> None:
        """Do *work* like `run`, in order, without waiting. What it raises is logged and told by `failed`."""
        future: asyncio.Future[object] = asyncio.wrap_future(self._submit(work))
        self._writes.add(future)
        future.add_done_callback(self._written)

    async def changed_elsewhere(self) -> bool:
        """Has another process written to it since this was last asked?  Raises as `run`."""

        def look(connection: sqlite3.Connection) -> bool:
            before, self._version = self._version, _version(connection)
            return self._version != before

        return await self.run(look)

    async def settle(self) -> None:
        """Wait until everything asked for so far is on disk."""
        while self._writes:
            await asyncio.wait(self._writes)

    async def close(self) -> None:
        """Finish all writes and close. Harmless when repeated or never opened."""
        await self.settle()
        if self._connection is not None:
            await asyncio.wrap_future(self._thread.submit(self._connection.close))
            self._connection = None
        self._thread.shutdown()

    def _submit(self, work: Callable[[sqlite3.Connection], T]) -> Future[T]:
        return self._thread.submit(self._transaction, work)

    def _written(self, future: asyncio.Future[object]) -> None:
        self._writes.discard(future)
        error = None if future.cancelled() else future.exception()
        if error is None:
            return
        log.error("a write to the database was lost", exc_info=error)
        failure = error.failure if isinstance(error, StudioError) else _internal(error)
        self.failed.emit(failure)

    # --- in the database's thread ---------------------------------------------------------------

    def _transaction(self, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._connection
        if connection is None:
            raise RuntimeError("the database is not open")
        try:
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise self._failure(error) from error
        return result

    def _open(self) -> None:
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            try:
                connection = _connect(self.file)
            except sqlite3.OperationalError:  # locked, full, no rights: nothing is wrong with the file
                raise
            except sqlite3.DatabaseError as error:
                self.aside = _keep_aside(self.file)
                log.warning("the database could not be read and is kept as %s: %s", self.aside, error)
                connection = _connect(self.file)
            try:
                _migrate(connection)
            except BaseException:
                connection.close()
                raise
            self._version = _version(connection)
            self._connection = connection
        except (sqlite3.Error, OSError) as error:
            raise self._failure(error) from error

    def _failure(self, error: sqlite3.Error | OSError) -> StudioError:
        full = error.errno == errno.ENOSPC if isinstance(error, OSError) else "is full" in str(error)
        if full:
            return StudioError("disk.full", path=str(self.file.parent), details=repr(error), retryable=True)
        if self._connection is None:
            return StudioError(
                "output.unwritable", path=str(self.file), reason=str(error), details=repr(error)
            )
        return StudioError.of(_internal(error))


def _internal(error: BaseException) -> Failure:
    return Failure(code="internal", values={"reason": str(error)}, details=repr(error))


def _connect(file: Path) -> sqlite3.Connection:
    """An open database that holds together. Raises sqlite3.Error."""
    # One thread uses it, but which one of the pool's is the pool's affair.
    connection = sqlite3.connect(file, isolation_level=None, timeout=10, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
    except BaseException:
        connection.close()
        raise
    return connection


def _version(connection: sqlite3.Connection) -> int:
    """A number that is another one after another connection has written."""
    return connection.execute("PRAGMA data_version").fetchone()[0]


def _migrate(connection: sqlite3.Connection) -> None:
    """Bring it up to date, wholly or not at all. Raises sqlite3.Error, StudioError `data.newer`."""
    # Two processes may open a new database at once: the lock is taken before the number is read.
    connection.execute("BEGIN IMMEDIATE")
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > len(MIGRATIONS):
            raise StudioError("data.newer", details=f"user_version {version} > {len(MIGRATIONS)}")
        for number, script in enumerate(MIGRATIONS[version:], start=version + 1):
            for statement in _statements(script):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _statements(script: str) -> list[str]:
    """The script's statements; `executescript` would commit between them."""
    statements: list[str] = []
    pending = ""
    for piece in script.split(";")[:-1]:
        pending += piece + ";"
        if sqlite3.complete_statement(pending):
            statements.append(pending.strip())
            pending = ""
    if pending:
        raise ValueError(f"unfinished statement: {pending}")
    return statements


def _keep_aside(file: Path) -> Path:
    """Rename the database with its write-ahead log, which may hold the last of what was written."""
    aside = set_aside(file)
    for suffix in ("-wal", "-shm"):
        companion = file.with_name(file.name + suffix)
        if companion.exists():
            companion.rename(aside.with_name(aside.name + suffix))
    return aside
