"""Everything made: an index over plain files. The files are the truth; the index can be rebuilt.

A deleted result moves to `.trash/` beside the results, keeping its relative name, and comes back by
`undo`. A kill between the file's move and its row's leaves something that `reconcile` puts right.
"""

from __future__ import annotations

import asyncio
import logging
import mimetypes
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from send2trash import send2trash

from studio.domain.artifact import Artifact
from studio.domain.request import Request
from studio.services.database import Database
from studio.services.event import Event
from studio.domain.record import sidecar
from studio.services.metadata import read_request
from studio.wire.files import PART, publish_new

log = logging.getLogger(__name__)

TRASH = ".trash"
KEEP_DAYS = 30
_TASKS = {"image": "image", "audio": "speech", "text": "text"}


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
    """`outputs` is asked each time, since the user may choose another folder. `changed` tells of any change."""

    def __init__(self, database: Database, outputs: Callable[[], Path]) -> None:
        self._database = database
        self._outputs = outputs
        self.changed: Event[None] = Event()

    async def add(self, artifact: Artifact, request: Request) -> None:
        """Index a result that the engine saved; one outside the results folder is the user's own affair."""
        path = Path(artifact.path)
        name = _relative(self._outputs(), path)
        if name is None:
            return
        row = _row(
            name,
            request,
            task=request.task,
            media_type=artifact.media_type,
            created=time.time(),
            bytes=artifact.bytes,
            seed=artifact.seed,
            width=artifact.width,
            height=artifact.height,
            seconds=artifact.seconds,
        )
        await self._database.run(lambda connection: _insert(connection, [row]))
        self.changed.emit(None)

    async def search(
        self, words: str = "", task: str | None = None, limit: int = 500, offset: int = 0
    ) -> list[Result]:
        """Results whose prompt, model or file name holds every one of *words*, the newest first."""
        where, values = _where(words, task)
        rows = await self._database.run(
            lambda connection: connection.execute(
                f"SELECT {', '.join(_COLUMNS)} FROM results WHERE {where}"  # noqa: S608 - no outside text in it
                " ORDER BY created DESC, id DESC LIMIT ? OFFSET ?",
                [*values, limit, offset],
            ).fetchall()
        )
        return [self._result(row) for row in rows]

    async def count(self, words: str = "", task: str | None = None) -> int:
        where, values = _where(words, task)
        query = f"SELECT count(*) FROM results WHERE {where}"  # noqa: S608
        return (await self._database.run(lambda connection: connection.execute(query, values).fetchone()))[0]

    async def delete(self, results: Iterable[Result]) -> list[int]:
        """Move them to the trash; the ids for `undo`. Raises OSError, with what was moved so far moved."""
        return await self._move([result.id for result in results], trash=True)

    async def undo(self, ids: Iterable[int]) -> list[int]:
        """Bring results back from the trash; one whose name is taken meanwhile gets a number. Raises OSError."""
        return await self._move(list(ids), trash=False)

    async def trashed(self) -> int:
        """How many results lie in the trash."""
        query = "SELECT count(*) FROM results WHERE trashed IS NOT NULL"
        return (await self._database.run(lambda connection: connection.execute(query).fetchone()))[0]

    async def empty_trash(self, *, older_than_days: float = 0) -> int:
        """Hand what lies in the trash to the system's trash; how many results. Raises OSError."""
        before = time.time() - older_than_days * 86_400
        rows = await self._database.run(
            lambda connection: connection.execute(
                "SELECT id, path FROM results WHERE trashed <= ?", [before]
            ).fetchall()
        )
        trash = self._outputs() / TRASH
        for id_, name in rows:
            for file in _with_sidecar(trash / name):
                await asyncio.to_thread(send2trash, file)
            await self._database.run(
                lambda connection, id_=id_: connection.execute("DELETE FROM results WHERE id = ?", [id_])
            )
        return len(rows)

    async def reconcile(self) -> tuple[int, int]:
        """Make the index say what the folder holds: (rows added, rows removed)."""
        outputs = self._outputs()
        known = await self._database.run(
            lambda connection: connection.execute("SELECT id, path, trashed FROM results").fetchall()
        )
        found = await asyncio.to_thread(_scan, outputs)
        gone: list[int] = []
        moved: list[tuple[float | None, int]] = []
        for id_, name, trashed in known:
            in_trash = found.pop((True, name), None)
            live = found.pop((False, name), None)
            if live is None and in_trash is None:
                gone.append(id_)
            elif (live is None) != (trashed is not None):
                moved.append((time.time() if live is None else None, id_))
        new = await asyncio.to_thread(lambda: [_read(file, name, trash) for (trash, name), file in found.items()])

        def write(connection: sqlite3.Connection) -> None:
            connection.executemany("DELETE FROM results WHERE id = ?", [(id_,) for id_ in gone])
            connection.executemany("UPDATE results SET trashed = ? WHERE id = ?", moved)
            _insert(connection, new)

        if gone or moved or new:
            await self._database.run(write)
            self.changed.emit(None)
        return len(new), len(gone)

    async def _move(self, ids: list[int], *, trash: bool) -> list[int]:
        outputs = self._outputs()
        moved: list[int] = []
        try:
            for id_ in ids:
                row = await self._database.run(
                    lambda connection, id_=id_: connection.execute(
                        "SELECT path FROM results WHERE id = ?", [id_]
                    ).fetchone()
                )
                if row is None:
                    continue
                source, target = outputs / row[0], outputs / TRASH / row[0]
                if not trash:
                    source, target = target, source
                target = await asyncio.to_thread(_move_file, source, target)
                base = outputs / TRASH if trash else outputs
                name = target.relative_to(base).as_posix()
                at = time.time() if trash else None
                await self._database.run(
                    lambda connection, values=(at, name, id_): connection.execute(
                        "UPDATE results SET trashed = ?, path = ? WHERE id = ?", values
                    )
                )
                moved.append(id_)
        finally:
            if moved:
                self.changed.emit(None)
        return moved

    def _result(self, row: tuple[Any, ...]) -> Result:
        fields = dict(zip(_COLUMNS, row, strict=True))
        request: bytes | None = fields.pop("request")
        path = self._outputs() / fields.pop("path")
        return Result(
            **fields, path=path, request=msgspec.json.decode(request, type=Request) if request else None
        )


_COLUMNS = (
    "id",
    "path",
    "task",
    "media_type",
    "created",
    "bytes",
    "prompt",
    "model",
    "seed",
    "width",
    "height",
    "seconds",
    "request",
)


def _where(words: str, task: str | None) -> tuple[str, list[object]]:
    where, values = ["trashed IS NULL"], list[object]()
    for word in words.split():
        escaped = word.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
        where.append(r"(prompt || ' ' || model || ' ' || path) LIKE ? ESCAPE '\'")
        values.append(f"%{escaped}%")
    if task is not None:
        where.append("task = ?")
        values.append(task)
    return " AND ".join(where), values


def _row(name: str, request: Request | None, **fields: object) -> dict[str, object]:
    """A row; what *fields* does not say is unknown."""
    unknown = dict.fromkeys((*_COLUMNS[1:], "trashed"))
    return {
        **unknown,
        "path": name,
        "prompt": request.prompt if request else "",
        "model": request.model if request else "",
        "request": msgspec.json.encode(request) if request else None,
        **fields,
    }


def _insert(connection: sqlite3.Connection, rows: list[dict[str, object]]) -> None:
    for row in rows:
        connection.execute(
            f"INSERT OR REPLACE INTO results ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",  # noqa: S608
            list(row.values()),
        )


def _scan(outputs: Path) -> dict[tuple[bool, str], Path]:
    """Every result file by (lies in the trash, its name relative to the results or the trash)."""
    found: dict[tuple[bool, str], Path] = {}
    for trash, base in ((False, outputs), (True, outputs / TRASH)):
        for file in _files(base):
            found[trash, file.relative_to(base).as_posix()] = file
    return found


def _files(base: Path) -> Iterator[Path]:
    """Media files in the dated folders of *base*; hidden ones, parts and sidecars are none."""
    for folder in sorted(base.glob("*/")) if base.is_dir() else ():
        if folder.name.startswith("."):
            continue
        for file in sorted(folder.iterdir()):
            if file.suffix not in (PART, ".json") and not file.name.startswith(".") and _kind(file):
                yield file


def _kind(file: Path) -> str | None:
    media_type = mimetypes.guess_type(file.name)[0] or ""
    return media_type if media_type.partition("/")[0] in (*_TASKS, "video", "model") else None


def _read(file: Path, name: str, trash: bool) -> dict[str, object]:
    """A row from what the file itself says."""
    request = read_request(file)
    media_type = _kind(file) or ""
    status = file.stat()
    kind = media_type.partition("/")[0]
    return _row(
        name,
        request,
        task=request.task if request else _TASKS.get(kind, kind),
        media_type=media_type,
        created=status.st_mtime,
        bytes=status.st_size,
        seed=request.seed if request else None,
        trashed=time.time() if trash else None,
    )


def _relative(outputs: Path, path: Path) -> str | None:
    try:
        return path.relative_to(outputs).as_posix()
    except ValueError:
        return None


def _with_sidecar(file: Path) -> list[Path]:
    return [path for path in (file, sidecar(file)) if path.exists()]


def _move_file(source: Path, target: Path) -> Path:
    """Move a result and its sidecar; never over another file. The name it got."""
    target.parent.mkdir(parents=True, exist_ok=True)
    wanted, number = target, 1
    while True:
        try:
            publish_new(source, target)
            break
        except FileExistsError:
            number += 1
            target = wanted.with_stem(f"{wanted.stem}-{number}")
    beside = sidecar(source)
    source.unlink(missing_ok=True)  # on POSIX it still has its old name too
    if beside.exists():
        beside.replace(sidecar(target))
    return target
