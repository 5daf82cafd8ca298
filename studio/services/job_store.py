"""Jobs that have not ended, kept in the database so that they outlive the studio."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from studio.domain.job import Job, JobState
from studio.services.database import Database

log = logging.getLogger(__name__)


class Kept(Struct, frozen=True, kw_only=True):
    """A job with what was asked for besides its request."""

    job: Job
    outputs_exact: str | None = None
    overwrite: bool = False


class JobStore:
    """Every change is on disk within moments; without a database nothing is kept."""

    def __init__(self, database: Database | None) -> None:
        self._database = database

    async def load(self) -> list[Kept]:
        """What earlier sessions left, in order, each held: nothing starts unasked."""
        if self._database is None:
            return []
        rows = await self._database.run(
            lambda connection: connection.execute("SELECT kept FROM jobs ORDER BY position").fetchall()
        )
        found: list[Kept] = []
        for (data,) in rows:
            try:
                kept = msgspec.json.decode(data, type=Kept)
            except msgspec.MsgspecError as error:
                log.warning("a job of another version is left out of the queue: %s", error)
                continue
            job = Job(id=kept.job.id, request=kept.job.request, state=JobState.HELD, created=kept.job.created)
            found.append(msgspec.structs.replace(kept, job=job))
        return found

    def put(self, kept: Kept, order: Sequence[str]) -> None:
        """Keep a job. *order*: ids of all that are kept, the next to run first."""
        if self._database is None:
            return
        row = (kept.job.id, 0, msgspec.json.encode(kept))

        def write(connection: sqlite3.Connection) -> None:
            connection.execute("INSERT OR REPLACE INTO jobs (id, position, kept) VALUES (?, ?, ?)", row)
            _number(connection, order)

        self._database.soon(write)

    def arrange(self, order: Sequence[str]) -> None:
        """Remember another order."""
        if self._database is not None:
            self._database.soon(lambda connection: _number(connection, order))

    def drop(self, job: str) -> None:
        """Keep a job no longer."""
        if self._database is not None:
            self._database.soon(lambda c: c.execute("DELETE FROM jobs WHERE id = ?", (job,)))


def _number(connection: sqlite3.Connection, order: Sequence[str]) -> None:
    connection.executemany("UPDATE jobs SET position = ? WHERE id = ?", list(enumerate(order)))
