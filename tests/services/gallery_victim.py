"""What is killed in the gallery's tests: a process that forks one that uses the gallery, once per kill.

    python tests/services/gallery_victim.py every FOLDER    killed before its 1st, 2nd, ... write
    python tests/services/gallery_victim.py every-without-links FOLDER    on a file system that has none
    python tests/services/gallery_victim.py random FOLDER COUNT SEED    killed COUNT times, at any moment

Each works in `FOLDER/<number>`; printed is how many there were. A write is a file made, linked, renamed or
removed, a folder made, or a statement to SQLite that changes something.
"""

from __future__ import annotations

import asyncio
import errno
import os
import random
import shutil
import signal
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import send2trash  # noqa: F401 - imported before the forks, as all that the work needs

from studio.domain.artifact import Artifact
from studio.domain.record import Record, encode_record, sidecar
from studio.domain.request import Request
from studio.services import metadata  # noqa: F401
from studio.services.database import Database
from studio.services.gallery import Gallery
from studio.wire.files import write_new

DAY = "2026-01-02"
TEXTS = 4
FILE_EVENTS = ("os.link", "os.rename", "os.remove", "os.mkdir", "os.rmdir")


def request(words: str) -> Request:
    return Request(task="text", family="fake", model="tiny", values={"prompt": words})


def save(outputs: Path, number: int) -> Artifact:
    """A text as the engine saves one: its record first."""
    path = outputs / DAY / f"{number:05}-text.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    words = f"text {number}"
    write_new(sidecar(path), encode_record(Record(request=request(words), version="1")))
    write_new(path, words.encode())
    return Artifact(path=str(path), media_type="text/plain", sha256="0" * 64, bytes=len(words))


async def use(folder: Path) -> None:
    """Add, delete, bring back, delete for good; what of it was done is in the files."""
    outputs = folder / "outputs"
    database = Database(folder / "studio.db")
    await database.open()
    gallery = Gallery(database, lambda: outputs)
    for number in range(1, TEXTS + 1):
        await gallery.add(save(outputs, number), request(f"text {number}"))
    first, second, third, _ = await gallery.search()
    ids = await gallery.delete([first, second, third])
    if os.link is not no_links:  # there a killed move to another name may leave the record behind
        write_new(first.path, b"taken")  # its name is taken when it comes back
    await gallery.undo(ids[:2])
    await gallery.reconcile()
    await gallery.empty_trash()
    await database.close()


def die_before(write: int) -> None:
    """Kill this process before its *write*-th write, counted from 1."""
    seen = 0

    def count() -> None:
        nonlocal seen
        seen += 1
        if seen == write:
            os.kill(os.getpid(), signal.SIGKILL)

    def hear(event: str, arguments: tuple) -> None:
        if event in FILE_EVENTS or (event == "open" and (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR)):
            count()

    def connect(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection = real(*arguments, **options)
        connection.set_trace_callback(statement)
        return connection

    def statement(words: str) -> None:
        if words.split(maxsplit=1)[0] in {"INSERT", "UPDATE", "DELETE", "COMMIT", "CREATE", "PRAGMA"}:
            count()

    real, sqlite3.connect = sqlite3.connect, connect
    sys.addaudithook(hear)


def run(folder: Path, write: int = 0, seconds: float = 0.0) -> bool:
    """One user in a process of its own, killed as said; False if it came to its end."""
    folder.mkdir()
    child = os.fork()
    if child == 0:
        if write:
            die_before(write)
        asyncio.run(use(folder))
        os._exit(0)
    if seconds:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise SystemExit("the user of the gallery failed")
    return os.WIFSIGNALED(status)


def no_links(*_: object, **__: object) -> None:
    raise OSError(errno.EPERM, "no links here")


def main() -> None:
    how, folder = sys.argv[1], Path(sys.argv[2])
    count = 0
    if how == "every-without-links":
        os.link = no_links
    if how != "random":
        while run(folder / f"{count}", write=count + 1):
            count += 1
    else:
        generator = random.Random(int(sys.argv[4]))
        start = time.monotonic()
        run(folder / "whole")
        length = time.monotonic() - start
        shutil.rmtree(folder / "whole")
        for count in range(1, int(sys.argv[3]) + 1):
            run(folder / f"{count}", seconds=generator.uniform(0.001, length))
    print(count)


if __name__ == "__main__":
    assert sqlite3.sqlite_version_info >= (3, 35)
    main()
