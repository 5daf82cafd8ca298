"""Removing a model: to the system's trash, from where it comes back whole, or for good."""

from __future__ import annotations

from pathlib import Path

from studio.domain.failure import StudioError
from studio.services.store import publish, room
from studio.services.store.record import write_record
from studio.services.store.store import Stored


def remove(stored: Stored, title: str, *, for_good: bool = False) -> None:
    """Raises StudioError `disk.no_trash` where there is no trash, `model.busy`, `output.unwritable`."""
    with room.told(stored.root), publish.hold(stored.root, stored.record.place, title):
        if for_good:
            publish.discard(stored.root, stored.folder)
            return
        if not publish.has_record(stored.folder):  # what comes back from the trash is to be known
            write_record(stored.folder, stored.record)
        # A name that says something in the trash; back from there `settle` gives it its own again.
        named = stored.root / stored.folder.relative_to(stored.root).as_posix().replace("/", "@")
        stored.folder.rename(named)
        try:
            _to_trash(named, title)
        except BaseException:
            stored.folder.parent.mkdir(exist_ok=True)
            named.rename(stored.folder)
            raise
        publish.leave(stored.root, stored.folder)


def _to_trash(folder: Path, title: str) -> None:
    from send2trash import send2trash

    try:
        send2trash(folder)
    except OSError as error:
        if not folder.exists():
            raise
        raise StudioError("disk.no_trash", name=title, details=str(error)) from error
