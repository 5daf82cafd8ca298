"""The stored models on all roots, by looking: a folder appears and goes in one moment, so none is half there.

A root may lie on a drive that is not plugged in now. What it held is remembered, so that it can be said.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from studio.services.store import layout
from studio.services.store.record import (
    NAME,
    OLD_NAME,
    Accepted,
    OldRecord,
    Record,
    read_old_record,
    read_record,
)
from studio.wire import files

log = logging.getLogger(__name__)


class Stored(Struct, frozen=True):
    """A model on this computer: `folder` below `root`."""

    root: Path
    folder: Path
    record: Record


class Remembered(Struct, frozen=True):
    """What is known of a model on a root that is not there: its ids and bytes."""

    ids: tuple[str, ...]
    bytes: int


class Store:
    """*roots*: the first is where new models go. *memory*: the file that remembers what each held."""

    def __init__(self, roots: Sequence[Path], memory: Path | None = None) -> None:
        assert roots
        self.roots = tuple(dict.fromkeys(roots))
        self._memory = memory
        self._read: dict[Path, tuple[tuple[int, int, int], Record]] = {}

    def use(self, roots: Sequence[Path]) -> bool:
        """Look into these from now on; False when they are the same as before."""
        before, self.roots = self.roots, tuple(dict.fromkeys(roots))
        return self.roots != before

    def stored(self) -> list[Stored]:
        """Every model that is there now, in the order of the roots, the latest of each first."""
        return [found for root in self.roots for found in self.on(root)]

    def on(self, root: Path) -> list[Stored]:
        """Those on one root, the latest first."""
        found: list[Stored] = []
        for folder in _folders(root):
            record = self._record(folder / NAME) or self._record(folder / OLD_NAME)
            if record is not None:  # an earlier version's, or put there by hand
                found.append(Stored(root, folder, record))
            else:
                inside = [(inner, self._record(inner / NAME)) for inner in _folders(folder)]
                found += [Stored(root, inner, record) for inner, record in inside if record is not None]
        return sorted(found, key=lambda each: -each.record.installed)

    def of(self, model_id: str) -> list[Stored]:
        """Where the model *model_id* lies; several where it is here in several versions or places."""
        return [stored for stored in self.stored() if model_id in stored.record.ids]

    def at(self, folder: Path) -> Stored | None:
        """The model that lies at exactly *folder*."""
        return next((stored for stored in self.stored() if stored.folder == folder), None)

    # --- roots that are not there -----------------------------------------------------------

    def away(self) -> dict[Path, tuple[Remembered, ...]]:
        """The roots that are not there now, each with what it held when it was last seen."""
        known = self._known()
        return {root: known.get(str(root), ()) for root in self.roots if not is_there(root)}

    def remember(self) -> None:
        """Note what the roots that are there hold; losing the note only costs words."""
        if self._memory is None:
            return
        before = self._known()
        now = {
            str(root): tuple(Remembered(each.record.ids, each.record.bytes) for each in self.on(root))
            for root in self.roots
            if is_there(root)
        }
        kept = {str(root): before[str(root)] for root in self.roots if str(root) in before}
        if {**kept, **now} != before:
            try:
                self._memory.parent.mkdir(parents=True, exist_ok=True)
                files.write(self._memory, msgspec.json.encode({**kept, **now}))
            except OSError as error:
                log.info("what the model folders hold is not noted: %s", error)

    def _known(self) -> dict[str, tuple[Remembered, ...]]:
        if self._memory is None:
            return {}
        try:
            return msgspec.json.decode(self._memory.read_bytes(), type=dict[str, tuple[Remembered, ...]])
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            log.info("%s is made anew: %s", self._memory, error)
            return {}

    # --- reading ----------------------------------------------------------------------------

    def _record(self, file: Path) -> Record | None:
        """Read again only when the file changed. None for a folder that has none, or a broken one."""
        try:
            stat = file.stat()
        except OSError:
            self._read.pop(file, None)
            return None
        seen = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        known = self._read.get(file)
        if known and known[0] == seen:
            return known[1]
        record = read_record(file.parent) if file.name == NAME else renewed(file.parent)
        if record is not None:
            self._read[file] = (seen, record)
        return record


def renewed(folder: Path) -> Record | None:
    """The record of a folder that an earlier version made, as this one would have written it."""
    old = read_old_record(folder)
    if old is None:
        return None
    return Record(
        ids=(old.id,),
        place=_place_of_old(old),
        source=old.source,
        origin=old.origin,
        files=old.files,
        licence=Accepted(id=old.licence, date=old.accepted),
        installed=old.installed,
        commit=old.commit,
        verified=old.verified,
    )


def _place_of_old(old: OldRecord) -> str:
    if old.source == "hub" and old.commit:
        repo = "/".join(old.origin.rstrip("/").split("/")[-2:])
        return layout.place(layout.repository(repo), old.commit, old.id)
    return layout.place(layout.wheels(old.id), layout.version_of(old.files))


def is_there(root: Path) -> bool:
    """Can what lies on the root be seen now?"""
    return root.is_dir()


def _folders(folder: Path) -> Iterator[Path]:
    """Its folders in order, but hidden ones; nothing where it cannot be read."""
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in entries if not entry.name.startswith(".") and entry.is_dir()]
    except OSError:
        return
    for name in sorted(names):
        yield folder / name
