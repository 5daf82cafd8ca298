"""What is killed in the store's tests: a process that forks one that changes the store, once per write.

    python tests/services/store_victim.py WHAT FOLDER

WHAT is one of `ACTS`. The first is killed before its 1st write, the next before its 2nd, and so on, until
one comes to its end; each works in `FOLDER/<number>`. Printed is how many were killed. A write is a file that
is opened for writing, renamed, linked or removed, a folder made or removed, and every piece that is copied.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import filelock  # noqa: F401 - imported before the forks, as all that the work needs
import psutil  # noqa: F401
import send2trash  # noqa: F401

from studio.services.store import carry, copying, room
from studio.services.store.errand import Errand
from studio.services.store.move import move
from studio.services.store.publish import hold, publish
from studio.services.store.record import write_record
from studio.services.store.settle import settle
from studio.services.store.store import Store
from studio.services.store.trash import remove
from tests.fakes.model_files import write
from tests.services.stored_models import FILES, only, put, put_old, record

FILE_EVENTS = ("os.link", "os.rename", "os.remove", "os.mkdir", "os.rmdir")
LOCKS = ".lock"


class Counted(Errand):
    """Every piece is a moment at which it may be killed."""

    def __init__(self, count: Callable[[], None]) -> None:
        super().__init__()
        self._count = count

    def step(self, size: int) -> None:
        self._count()
        super().step(size)


def roots(folder: Path) -> tuple[Path, Path]:
    return folder / "a", folder / "b"


def store_of(folder: Path) -> Store:
    return Store(roots(folder))


def prepare(what: str, folder: Path) -> None:
    first, second = roots(folder)
    first.mkdir(parents=True)
    second.mkdir()
    if what == "settle":
        put_old(first)
    elif what == "bring":
        put(folder / "stick")
    else:
        put(first)


def _move(folder: Path, errand: Errand) -> None:
    store = store_of(folder)
    move(only(store), store.roots[1], "tiny", errand)


def _copy(folder: Path, errand: Errand) -> None:
    room.same_drive = lambda one, other: False
    copying.CHUNK = 1000
    _move(folder, errand)


def _bad(folder: Path, errand: Errand) -> None:
    """How not to do it: straight to the final place, the record first."""
    stored, target = only(store_of(folder)), roots(folder)[1] / "x" / "y"
    target.mkdir(parents=True)
    write_record(target, stored.record)
    copying.copy(stored.folder, target, stored.record.files, errand, "tiny")


def _bring(folder: Path, errand: Errand) -> None:
    (found,) = carry.find(folder / "stick")
    carry.bring(found, store_of(folder), lambda _: None, "tiny", errand)


def _export(folder: Path, errand: Errand) -> None:
    carry.export(only(store_of(folder)), roots(folder)[1], {"en": "Tiny"}, (), errand)


def _publish(folder: Path, errand: Errand) -> None:
    """A newer fetch over what is there."""
    del errand
    with hold(roots(folder)[0], "tiny", "tiny") as home:
        ready = write(home / "ready-0", dict(FILES))
        publish(ready, roots(folder)[0], record())


ACTS: dict[str, Callable[[Path, Errand], object]] = {
    "settle": lambda folder, _: settle(store_of(folder)),
    "move": _move,
    "copy": _copy,
    "bring": _bring,
    "export": _export,
    "publish": _publish,
    "remove": lambda folder, _: remove(only(store_of(folder)), "tiny", for_good=True),
    "trash": lambda folder, _: remove(only(store_of(folder)), "tiny"),
    "bad": _bad,
}


def run(what: str, folder: Path, write: int) -> bool:
    """False if it came to its end."""
    prepare(what, folder)
    child = os.fork()
    if child == 0:
        seen = 0

        def count() -> None:
            nonlocal seen
            seen += 1
            if seen == write:
                os.kill(os.getpid(), signal.SIGKILL)

        def hear(event: str, arguments: tuple) -> None:
            opened = event == "open" and (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR)
            if (event in FILE_EVENTS or opened) and not str(arguments[0]).endswith(LOCKS):
                count()

        sys.addaudithook(hear)
        ACTS[what](folder, Counted(count))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise SystemExit("the work failed")
    return os.WIFSIGNALED(status)


def main() -> None:
    what, folder = sys.argv[1], Path(sys.argv[2])
    count = 0
    while run(what, folder / f"{count}", count + 1):
        count += 1
    print(count)


if __name__ == "__main__":
    main()
