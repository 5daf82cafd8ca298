"""Files copied and hashed on the way: what arrives is what the record says, or nothing does."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from studio.domain.failure import StudioError
from studio.domain.model import ModelFile
from studio.services.store.errand import Errand
from studio.services.store.verify import CHUNK


def copy(source: Path, target: Path, files: Iterable[ModelFile], errand: Errand, title: str) -> None:
    """Copy *files* from the folder *source* to *target*, each synced.

    Raises StudioError `model.missing_file`, `model.hash_mismatch`, OSError, Cancelled.
    """
    wanted = tuple(files)
    errand.begin(sum(file.bytes or 0 for file in wanted))
    for file in wanted:
        _copy(source / file.path, target / file.path, file, errand, title)


def _copy(source: Path, target: Path, file: ModelFile, errand: Errand, title: str) -> None:
    try:
        found = source.stat()
    except OSError as error:
        raise StudioError("model.missing_file", name=title, file=file.path, details=str(error)) from error
    if not stat.S_ISREG(found.st_mode) or file.bytes not in (None, found.st_size):
        raise StudioError("model.hash_mismatch", name=title, file=file.path)
    target.parent.mkdir(parents=True, exist_ok=True)
    made = hashlib.sha256()
    left = found.st_size
    with source.open("rb", buffering=0) as original, target.open("wb", buffering=0) as copied:
        while left > 0 and (data := original.read(min(CHUNK, left))):
            made.update(data)
            view = memoryview(data)
            while view:
                view = view[copied.write(view) :]
            left -= len(data)
            errand.step(len(data))
        os.fsync(copied.fileno())
    if left or file.sha256 not in (None, made.hexdigest()):
        raise StudioError("model.hash_mismatch", name=title, file=file.path)
