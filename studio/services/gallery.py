"""Everything made: an index over plain files. The files are the truth; the index can be rebuilt.

A deleted result moves to `.trash/` beside the results, keeping its relative name, and comes back by
`undo`. A kill between the file's move and its row's leaves something that `reconcile` puts right.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from studio.domain.artifact import Artifact
from studio.domain.request import Request
from studio.services import result_files
from studio.services.database import Database
from studio.services.event import Event
from studio.services.result_files import About, Place

log = logging.getLogger(__name__)

KEEP_DAYS = 30
ALL = -1  # a limit


class Result(Struct, frozen=True, kw_only=True):
    """One file of the gallery. `path` is absolute, `created` POSIX seconds.

    `request` is None for a file that says nothing of how it was made.
    """

    id: int
    path: Path
    task: str
    media_type: str
    created: float
    bytes: int
    prompt: str = ""
    model: str = ""
    seed: int | None = None
    width: int | None = None
    height: int | None = None
    seconds: float | None = None
    request: Request | None = None


class Gallery:
    """`outputs` is asked each time: the user may choose another folder. `changed` tells of any change."""

    def __init__(self, database: Database, outputs: Callable[[], Path]) -> None:
        self._database = database
        self._outputs = outputs
        self._working = asyncio.Lock()  # files and rows change together, for one caller at a time
        self.changed: Event[None] = Event()

    async def add(self, artifact: Artifact, request: Request) -> None:
        """Index a result that the engine saved; one outside the results folder is the user's own affair."""
        path = Path(artifact.path)
        name = _relative(self._outputs(), path)
        if name is None:
            return
        if artifact.seed is not None and "seed" in request.values:  # this one first, when it is made again
            request = msgspec.structs.replace(request, values={**request.values, "seed": artifact.seed})
        row = _row(
            name,
            About(
                task=request.task,
                media_type=artifact.media_type,
                created=time.time(),
                bytes=artifact.bytes,
                request=request,
                width=artifact.width,
                height=artifact.height,
                seconds=artifact.seconds,
            ),
        )
        update = ", ".join(f"{column} = excluded.{column}" for column in row)
        async with self._working:
            await self._database.run(lambda connection: _insert(connection, [row], f"UPDATE SET {update}"))
        self.changed.emit(None)

    async def search(self, words: str = "", *tasks: str, limit: int = 500, offset: int = 0) -> list[Result]:
        """Results whose prompt, model or file name holds every one of *words*, the newest first.

        Of one of *tasks*, if any are named.
        """
        where, values = _where(words, tasks)
        query = (
            f"SELECT {', '.join(_COLUMNS)} FROM results WHERE {where}"  # noqa: S608 - no outside text in it
            " ORDER BY created DESC, id DESC LIMIT ? OFFSET ?"
        )
        outputs = self._outputs()

        def read(connection: sqlite3.Connection) -> list[Result]:
            return [_result(outputs, row) for row in connection.execute(query, [*values, limit, offset])]

        return await self._database.run(read)

    async def count(self, words: str = "", *tasks: str) -> int:
        where, values = _where(words, tasks)
        query = f"SELECT count(*) FROM results WHERE {where}"  # noqa: S608
        return (await self._database.run(lambda connection: connection.execute(query, values).fetchone()))[0]

    async def delete(self, results: Iterable[Result]) -> list[int]:
        """Move them to the trash; the ids for `undo`.

        Raises OSError and StudioError, with what was moved so far moved.
        """
        return await self._move([result.id for result in results], trash=True)

    async def undo(self, ids: Iterable[int]) -> list[int]:
        """Bring results back from the trash; one whose name is taken meanwhile gets a number.

        Raises as `delete`.
        """
        return await self._move(list(ids), trash=False)

    async def trashed(self) -> int:
        """How many results lie in the trash."""
        query = "SELECT count(*) FROM results WHERE trashed IS NOT NULL"
        return (await self._database.run(lambda connection: connection.execute(query).fetchone()))[0]

    async def empty_trash(self, *, older_than_days: float = 0) -> int:
        """Hand what lies in the trash to the system's trash; how many results.

        Raises OSError and StudioError, with what was handed over so far gone.
        """
        before = time.time() - older_than_days * 86_400
        query = "SELECT id, path FROM results WHERE trashed <= ?"
        done = 0
        async with self._working:
            rows = await self._database.run(lambda connection: connection.execute(query, [before]).fetchall())
            try:
                for id_, name in rows:
                    await asyncio.to_thread(_discard, result_files.path_of(self._outputs(), (True, name)))
                    await self._forget(id_)
                    done += 1
            finally:
                if done:
                    self.changed.emit(None)
        return done

    async def catch_up(self) -> None:
        """Tell if another process, such as a terminal, added or removed results. Raises StudioError."""
        if await self._database.changed_elsewhere():
            self.changed.emit(None)

    async def reconcile(self) -> tuple[int, int]:
        """Make the index say what the folder holds: (rows added, rows removed).

        Raises OSError, StudioError.
        """
        async with self._working:
            outputs = self._outputs()
            query = "SELECT id, path, trashed IS NOT NULL FROM results"
            rows = await self._database.run(lambda connection: connection.execute(query).fetchall())
            known: dict[Place, int] = {(bool(trash), name): id_ for id_, name, trash in rows}
            found, lost = await asyncio.to_thread(_compare, outputs, known)
            moved = {place for place in lost if found.pop((not place[0], place[1]), None)}
            gone = [known[place] for place in lost if place not in moved]
            new = await asyncio.to_thread(_read_all, found)

            def write(connection: sqlite3.Connection) -> None:
                connection.executemany("DELETE FROM results WHERE id = ?", [(id_,) for id_ in gone])
                connection.executemany(
                    "UPDATE results SET trashed = ? WHERE id = ?",
                    [(None if place[0] else time.time(), known[place]) for place in moved],
                )
                _insert(connection, new, "NOTHING")

            if gone or moved or new:
                await self._database.run(write)
                self.changed.emit(None)
        return len(new), len(gone)

    async def _move(self, ids: list[int], *, trash: bool) -> list[int]:
        moved: list[int] = []
        async with self._working:
            try:
                for id_ in ids:
                    moved += [id_] if await self._move_one(id_, trash=trash) else []
            finally:
                self.changed.emit(None)
        return moved

    async def _move_one(self, id_: int, *, trash: bool) -> bool:
        """False if there is no such result there any more."""
        outputs = self._outputs()
        query = "SELECT path FROM results WHERE id = ? AND (trashed IS NULL) = ?"
        row = await self._database.run(lambda connection: connection.execute(query, [id_, trash]).fetchone())
        if row is None:
            return False
        source, target = (result_files.path_of(outputs, (side, row[0])) for side in (not trash, trash))
        try:
            target = await asyncio.to_thread(result_files.move, source, target)
        except FileNotFoundError:
            await self._forget(id_)
            return False
        base = result_files.path_of(outputs, (trash, ""))
        values = (time.time() if trash else None, target.relative_to(base).as_posix(), id_)
        await self._database.run(
            lambda connection: connection.execute(
                "UPDATE results SET trashed = ?, path = ? WHERE id = ?", values
            )
        )
        return True

    async def _forget(self, id_: int) -> None:
        await self._database.run(
            lambda connection: connection.execute("DELETE FROM results WHERE id = ?", [id_])
        )


_COLUMNS = Result.__struct_fields__


def _result(outputs: Path, row: tuple[Any, ...]) -> Result:
    fields = dict(zip(_COLUMNS, row, strict=True))
    request: bytes | None = fields.pop("request")
    return Result(**{**fields, "path": outputs / fields["path"]}, request=_request(request))


_decoder = msgspec.json.Decoder(Request)


def _request(data: bytes | None) -> Request | None:
    try:
        return _decoder.decode(data) if data else None
    except msgspec.MsgspecError:
        log.info("a result's request is of another version")
        return None


def _where(words: str, tasks: Sequence[str]) -> tuple[str, list[object]]:
    where, values = ["trashed IS NULL"], list[object]()
    for word in words.split():
        escaped = word.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
        where.append(r"(prompt || ' ' || model || ' ' || path) LIKE ? ESCAPE '\'")
        values.append(f"%{escaped}%")
    if tasks:
        where.append(f"task IN ({', '.join('?' * len(tasks))})")
        values += tasks
    return " AND ".join(where), values


def _row(name: str, about: About, *, trashed: float | None = None) -> dict[str, object]:
    request = about.request
    return {
        "path": name,
        "prompt": request.prompt if request else "",
        "model": request.model if request else "",
        "seed": _seed(request),
        "trashed": trashed,
        **msgspec.structs.asdict(about),
        "request": msgspec.json.encode(request) if request else None,
    }


def _seed(request: Request | None) -> int | None:
    """A file may claim anything to be its seed."""
    seed: object = request.seed if request else None
    return seed if isinstance(seed, int) and abs(seed) < 2**63 else None


def _insert(connection: sqlite3.Connection, rows: list[dict[str, object]], on_conflict: str) -> None:
    for row in rows:
        connection.execute(
            f"INSERT INTO results ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})"  # noqa: S608
            f" ON CONFLICT (path, (trashed IS NOT NULL)) DO {on_conflict}",
            list(row.values()),
        )


def _compare(outputs: Path, known: dict[Place, int]) -> tuple[dict[Place, Path], list[Place]]:
    """(files without a row, places without a file). What a kill left half moved is mended first."""
    result_files.mend(outputs, known)
    found = result_files.find(outputs)
    lost = [place for place in known if not found.pop(place, None)]
    # A result that was put elsewhere by its user is still one.
    return found, [place for place in lost if not result_files.path_of(outputs, place).is_file()]


def _read_all(found: dict[Place, Path]) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for (trash, name), file in found.items():
        about = result_files.read(file)
        if about is not None:
            rows.append(_row(name, about, trashed=time.time() if trash else None))
    return rows


def _discard(file: Path) -> None:
    from send2trash import send2trash

    for path in result_files.with_record(file):
        send2trash(path)


def _relative(outputs: Path, path: Path) -> str | None:
    try:
        return path.relative_to(outputs).as_posix()
    except ValueError:
        return None
