"""Finishes what an earlier end left undone, and names folders of earlier versions anew. Copies nothing."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from studio.domain.failure import StudioError
from studio.services.store import publish
from studio.services.store.layout import PARTS
from studio.services.store.move import FROM, NOTE, Note
from studio.services.store.record import OLD_NAME, Record, read_record, write_record
from studio.services.store.store import Store, Stored, is_there
from studio.services.store.verify import first_wrong
from studio.wire import files

log = logging.getLogger(__name__)

_WAIT = 10.0  # seconds for another studio that does this just now


def settle(store: Store) -> bool:
    """Put every root in order; True when something was done. A root that cannot be written stays as it is."""
    roots = [root for root in store.roots if is_there(root) and _due(store, root)]
    done = [_each(root, lambda root: _put_in_order(store, root)) for root in roots]
    done += [_each(root, lambda root: _end_moves(store, root)) for root in roots]  # the copies have names now
    return any(done)


def _due(store: Store, root: Path) -> bool:
    return (root / PARTS).is_dir() or any(map(_is_misplaced, store.on(root)))


def _each(root: Path, work: Callable[[Path], bool]) -> bool:
    try:
        with _alone(root):
            return work(root)
    except (OSError, StudioError) as error:
        log.info("%s stays as it is: %s", root, error)
        return False


def _put_in_order(store: Store, root: Path) -> bool:
    done = False
    for home in _homes(root):
        if home.name.startswith(publish.REMOVED):  # that it go was decided
            shutil.rmtree(home)
            done = True
        elif not home.name.startswith(FROM):
            done |= _each_home(root, home, _finish)
    for stored in store.on(root):
        if _is_misplaced(stored):
            done |= _renew(root, stored)
    for folder in root.glob("[!.]*--*"):  # the model in it went, and then the studio
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
    return done


def _end_moves(store: Store, root: Path) -> bool:
    """What was copied whole to another root goes from this one."""
    done = False
    for home in _homes(root):
        if home.name.startswith(FROM):
            done |= _each_home(root, home, lambda root, home: _end_move(store, root, home))
    return done


def _each_home(root: Path, home: Path, work: Callable[[Path, Path], bool]) -> bool:
    if publish.is_held(home):
        return False
    with publish.hold(root, home.name, home.name):
        return home.is_dir() and work(root, home)


def _homes(root: Path) -> list[Path]:
    return sorted(home for home in (root / PARTS).iterdir() if home.is_dir())


def _finish(root: Path, home: Path) -> bool:
    """A ready folder that has its record is whole: it lacks only its name."""
    for ready in sorted(home.glob(f"{publish.READY}*")):
        record = read_record(ready)
        if record is not None and _is_whole(ready, record):
            publish.give_name(ready, publish.where(root, record), home)
            shutil.rmtree(home)
            return True
    return False


def _end_move(store: Store, root: Path, home: Path) -> bool:
    note = msgspec.json.decode((home / NOTE).read_bytes(), type=Note) if (home / NOTE).is_file() else None
    stored = store.at(root / note.source) if note else None
    if note is not None and stored is not None:
        target = Path(note.target)
        if not any(root in target.parents and is_there(root) for root in store.roots):
            return False  # its drive is not there now
        copied = read_record(target)
        if copied is not None and copied.files == stored.record.files and _is_whole(target, copied):
            publish.discard(root, stored.folder)
    elif note is not None:
        publish.leave(root, root / note.source)
    shutil.rmtree(home)
    return True


def _renew(root: Path, stored: Stored) -> bool:
    """From `<root>/<id>/` to its place: the new record first, so that every step leaves a model."""
    target = publish.where(root, stored.record)
    if target.exists():
        log.info("%s stays where it is: %s is there", stored.folder, target)
        return False
    if not publish.has_record(stored.folder):
        write_record(stored.folder, stored.record)
    (stored.folder / OLD_NAME).unlink(missing_ok=True)
    files.sync_folder(stored.folder)
    target.parent.mkdir(exist_ok=True)
    stored.folder.rename(target)
    files.sync_folder(target.parent)
    files.sync_folder(root)
    return True


def _is_misplaced(stored: Stored) -> bool:
    return stored.folder.parent == stored.root


def _is_whole(folder: Path, record: Record) -> bool:
    try:
        first_wrong(folder, record.files, "")
    except StudioError:
        return False
    return True


@contextmanager
def _alone(root: Path) -> Generator[None]:
    import filelock

    (root / PARTS).mkdir(exist_ok=True)
    try:
        with filelock.FileLock(root / PARTS / "settle.lock", timeout=_WAIT):
            yield
    except filelock.Timeout as error:
        raise StudioError("model.busy", name=str(root)) from error
