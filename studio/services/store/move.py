"""A model from one root to another: renamed where both are one drive, else copied, hashed, then removed.

Killed at any step, one whole copy is there; `settle` finishes what had been decided.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
from msgspec import Struct

from studio.domain.failure import StudioError
from studio.services.store import publish, room
from studio.services.store.copying import copy
from studio.services.store.errand import Errand
from studio.services.store.record import write_record
from studio.services.store.store import Stored, is_there
from studio.services.store.verify import first_wrong
from studio.wire import files

FROM = "from-"
NOTE = "moved.json"
"""In `FROM<place>` of the old root's parts: what is to be removed there once the copy has its name."""


class Note(Struct, frozen=True):
    """`source` below its root, with "/"; `target` absolute."""

    source: str
    target: str


def move(stored: Stored, root: Path, title: str, errand: Errand) -> Path:
    """Bring the model to *root*; returns its new folder.

    Raises StudioError `disk.away`, `disk.full`, `disk.file_limit`, `model.busy`, `model.missing_file`,
    `model.hash_mismatch`, `output.unwritable`, and Cancelled; the model then lies where it lay.
    """
    if root == stored.root:
        return stored.folder
    if not is_there(root):
        raise StudioError("disk.away", path=str(root))
    first_wrong(stored.folder, stored.record.files, title)
    name = f"{FROM}{stored.record.place}"
    with room.told(stored.root), publish.hold(stored.root, name, title) as notes:
        if not publish.has_record(stored.folder):  # an earlier version's
            write_record(stored.folder, stored.record)
        with room.told(root), publish.hold(root, stored.record.place, title) as home:
            if home.exists():  # an earlier one that was broken off
                shutil.rmtree(home)
            home.mkdir()
            if room.same_drive(stored.folder, root):
                folder = publish.where(root, stored.record)
                publish.give_name(stored.folder, folder, home)
                publish.leave(stored.root, stored.folder)
            else:
                folder = _copied(stored, root, home, notes, title, errand)
            shutil.rmtree(home)
            return folder


def _copied(stored: Stored, root: Path, home: Path, notes: Path, title: str, errand: Errand) -> Path:
    room.need(root, stored.record.files)
    ready = home / publish.READY
    ready.mkdir()
    try:
        copy(stored.folder, ready, stored.record.files, errand, title)
    except BaseException:
        shutil.rmtree(home, ignore_errors=True)  # what cannot be removed is shown among the leftovers
        raise
    with room.told(stored.root):
        source = stored.folder.relative_to(stored.root).as_posix()
        notes.mkdir(exist_ok=True)
        note = Note(source, str(publish.where(root, stored.record)))
        files.write(notes / NOTE, msgspec.json.encode(note))
    folder = publish.publish(ready, root, stored.record)
    with room.told(stored.root):
        publish.discard(stored.root, stored.folder)
        shutil.rmtree(notes)
    return folder
