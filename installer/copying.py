"""Files read, hashed and copied, with a line that moves; a copy has its name only when it is whole."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from installer.say import Progress, human, t

_CHUNK = 2**20


@dataclass(frozen=True)
class File:
    """One file as it must be."""

    bytes: int
    sha256: str


class reading:  # noqa: N801 - used like a function
    """A moving line for reading *total* bytes: with it as r, r(n) for every n bytes that were read."""

    def __init__(self, total: int) -> None:
        self._total, self._done, self._progress = total, 0, Progress()

    def __enter__(self) -> Callable[[int], None]:
        return self._more

    def __exit__(self, *_: object) -> None:
        self._progress.close()

    def _more(self, count: int) -> None:
        self._done += count
        self._progress.show(t("progress.read", done=human(self._done), total=human(self._total)))


def measure(path: Path, read: Callable[[int], None] = lambda _: None) -> File:
    """Size and hash of a file. Raises OSError."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
            read(len(chunk))
    return File(size, digest.hexdigest())


def copy(source: Path, target: Path, read: Callable[[int], None] = lambda _: None) -> File:
    """Copy one file; *target* has its name only when it is whole. Returns what was read. Raises OSError."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    digest, size = hashlib.sha256(), 0
    with source.open("rb") as old, part.open("wb") as new:
        while chunk := old.read(_CHUNK):
            digest.update(chunk)
            size += new.write(chunk)
            read(len(chunk))
        new.flush()
        os.fsync(new.fileno())
    part.replace(target)
    return File(size, digest.hexdigest())


def files_in(folder: Path) -> Iterator[Path]:
    """Every file below *folder*, in order, without caches and hidden folders; links are not followed."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != "__pycache__" and not name.startswith("."))
        yield from (Path(place, name) for name in sorted(names) if not name.endswith(".pyc"))
