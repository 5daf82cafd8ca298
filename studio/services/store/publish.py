"""From a folder in `.parts` to a model: everything synced, the record written last, then the name.

A kill before the name is given leaves parts, and after it a whole model. `hold` keeps two processes
from doing this to the same model.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from studio.domain.failure import StudioError
from studio.services.store.layout import PARTS, is_place, key
from studio.services.store.record import NAME, Record, read_record, write_record
from studio.wire import files

READY = "ready"
REMOVED = "removed-"


@contextmanager
def hold(root: Path, name: str, title: str) -> Generator[Path]:
    """The folder in *root*'s parts that belongs to *name*, a model's id or place, for one process at a time.

    Raises StudioError `model.busy` when another one has it, OSError.
    """
    import filelock

    home = root / PARTS / key(name)
    home.parent.mkdir(exist_ok=True)
    lock = filelock.FileLock(f"{home}.lock", timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout as error:
        raise StudioError("model.busy", name=title) from error
    try:
        yield home
    finally:
        lock.release()


def is_held(home: Path) -> bool:
    """Does a process work on what is put together in *home*?"""
    import filelock

    lock = Path(f"{home}.lock")
    if not lock.exists():
        return False
    try:
        with filelock.FileLock(lock, timeout=0):
            return False
    except filelock.Timeout:
        return True


def publish(ready: Path, root: Path, record: Record) -> Path:
    """Make the files in *ready*, which lies in *root*'s parts, the model that *record* describes.

    What had its place gives way; if it was the same, its ids stay. Another model keeps its place, and this
    one gets one beside it. Returns the folder. Raises OSError, StudioError `model.unsafe`.
    """
    for path in ready.rglob("*"):
        if path.is_file():
            _sync(path)
        else:
            files.sync_folder(path)
    target, before = where(root, record), read_record(root / record.place)
    place, number = record.place, 1
    while before is not None and _is_another(before, record):
        number += 1
        record = msgspec.structs.replace(record, place=f"{place}~{number}")
        target, before = where(root, record), read_record(root / record.place)
    if before is not None and before.files == record.files:
        record = msgspec.structs.replace(record, ids=tuple(dict.fromkeys((*record.ids, *before.ids))))
    write_record(ready, record)
    give_name(ready, target, ready.parent)
    return target


def _is_another(before: Record, record: Record) -> bool:
    return before.files != record.files and not set(before.ids) & set(record.ids)


def where(root: Path, record: Record) -> Path:
    """The folder below *root* that *record* names. Raises StudioError `model.unsafe` for what is none."""
    if not is_place(record.place):
        raise StudioError("model.unsafe", name=", ".join(record.ids), what=record.place)
    return root / record.place


def give_name(ready: Path, target: Path, home: Path) -> None:
    """Rename *ready*, which is whole, to *target*; what is there gives way into *home*. Raises OSError."""
    target.parent.mkdir(exist_ok=True)
    if target.exists():
        target.rename(home / f"old-{time.time_ns()}")
    ready.rename(target)
    files.sync_folder(target.parent)
    files.sync_folder(target.parent.parent)


def discard(root: Path, folder: Path) -> None:
    """Delete *folder* of *root*: from one moment to the next it is no model. Raises OSError."""
    aside = root / PARTS / f"{REMOVED}{key(folder.relative_to(root).as_posix())}-{time.time_ns()}"
    aside.parent.mkdir(exist_ok=True)
    folder.rename(aside)
    leave(root, folder)
    shutil.rmtree(aside)


def leave(root: Path, folder: Path) -> None:
    """*folder* is gone: take the one around it away too where it is empty now."""
    if folder.parent != root:
        try:
            folder.parent.rmdir()
        except OSError:  # another version lies in it
            return


def has_record(folder: Path) -> bool:
    return (folder / NAME).is_file()


def _sync(path: Path) -> None:
    with path.open("r+b") as file:  # Windows syncs only what may be written
        os.fsync(file.fileno())
