"""Are a model's files what its record says? Every byte is read, whatever was believed of it before."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from msgspec import Struct

from studio.domain.failure import StudioError
from studio.domain.model import ModelFile
from studio.services.store.errand import Errand
from studio.services.store.record import NAME, OLD_NAME

CHUNK = 4 * 2**20
_LITTER = (".DS_Store", "Thumbs.db", "desktop.ini")  # which systems put into any folder

FileState = Literal["right", "changed", "missing", "extra"]


class Checked(Struct, frozen=True):
    """`path` below the model's folder, with "/"; `bytes` as they are there, 0 for a missing one."""

    path: str
    state: FileState
    bytes: int


class Report(Struct, frozen=True):
    files: tuple[Checked, ...]

    @property
    def whole(self) -> bool:
        """Is every file of the record right? Extra ones do no harm."""
        return not self.wrong

    @property
    def wrong(self) -> tuple[str, ...]:
        return tuple(file.path for file in self.files if file.state in ("changed", "missing"))


def verify(folder: Path, files: Iterable[ModelFile], errand: Errand) -> Report:
    """Hash every one of *files* in *folder*. A file without a hash is compared by its size.

    Raises Cancelled. One that cannot be read counts as changed.
    """
    wanted = {file.path: file for file in files}
    errand.begin(sum(file.bytes or 0 for file in wanted.values()))
    found = [_check(folder / file.path, file, errand) for file in wanted.values()]
    extra = sorted(set(_names(folder)) - wanted.keys())
    found += [Checked(path, "extra", (folder / path).stat().st_size) for path in extra]
    return Report(tuple(found))


def first_wrong(folder: Path, files: Iterable[ModelFile], title: str) -> None:
    """By sizes only, at once. Raises StudioError `model.missing_file`, `model.hash_mismatch`."""
    for file in files:
        try:
            size = (folder / file.path).stat().st_size
        except OSError as error:
            raise StudioError("model.missing_file", name=title, file=file.path, details=str(error)) from error
        if file.bytes not in (None, size):
            raise StudioError("model.hash_mismatch", name=title, file=file.path)


def digest(path: Path, errand: Errand) -> str:
    """The sha256 of *path*, told piece by piece. Raises OSError, Cancelled."""
    made = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while data := file.read(CHUNK):
            made.update(data)
            errand.step(len(data))
    return made.hexdigest()


def _check(path: Path, file: ModelFile, errand: Errand) -> Checked:
    try:
        size = path.stat().st_size
    except OSError:
        errand.step(file.bytes or 0)
        return Checked(file.path, "missing", 0)
    if file.bytes not in (None, size):
        errand.step(file.bytes or 0)
        return Checked(file.path, "changed", size)
    if file.sha256 is None:
        errand.step(size)
        return Checked(file.path, "right", size)
    before = errand.done
    try:
        right = digest(path, errand) == file.sha256
    except OSError:  # a bad sector
        errand.step(max(0, before + size - errand.done))
        right = False
    return Checked(file.path, "right" if right else "changed", size)


def _names(folder: Path) -> Iterable[str]:
    for at, _, names in os.walk(folder):
        for name in names:
            if name not in _LITTER and not (Path(at) == folder and name in (NAME, OLD_NAME)):
                yield (Path(at) / name).relative_to(folder).as_posix()
