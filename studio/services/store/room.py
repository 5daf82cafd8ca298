"""Is there room for it: checked before a byte is written."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

from studio.domain.failure import StudioError
from studio.domain.model import ModelFile

RESERVE = 512 * 2**20
"""Bytes of a drive that are left free for everything else."""

FAT_LIMIT = 2**32 - 1
_FAT = ("vfat", "msdos", "fat", "fat32", "fat16")
_FULL = (errno.ENOSPC, errno.EDQUOT)


def need(folder: Path, files: Iterable[ModelFile], *, reserve: int = RESERVE) -> None:
    """Raise StudioError `disk.full`, or `disk.file_limit` where one file is too large for the file system.

    *folder* is there.
    """
    sizes = {file.path: file.bytes or 0 for file in files}
    large = max(sizes, key=lambda path: sizes[path], default="")
    if large and sizes[large] > FAT_LIMIT and file_system(folder) in _FAT:
        raise StudioError("disk.file_limit", path=str(folder), file=large)
    total, free = sum(sizes.values()), shutil.disk_usage(folder).free
    if total > free - reserve:
        raise StudioError(
            "disk.full",
            path=str(folder),
            details=f"{total} bytes are needed, {free} are free, {reserve} stay free",
            retryable=True,
        )


def file_system(folder: Path) -> str:
    """The kind that *folder* lies on, as the system calls it, in small letters; "" if that is not told."""
    import psutil

    place = folder.resolve()
    try:
        mounts = {Path(each.mountpoint): each.fstype.lower() for each in psutil.disk_partitions(all=True)}
    except OSError:
        return ""
    return next((mounts[each] for each in (place, *place.parents) if each in mounts), "")


def same_drive(one: Path, other: Path) -> bool:
    """Can a rename take something from *one* to *other*? Both are there."""
    return one.stat().st_dev == other.stat().st_dev


@contextmanager
def told(folder: Path) -> Generator[None]:
    """Turns an OSError of what is done in *folder* into a StudioError: `disk.full`, `output.unwritable`."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise StudioError("disk.full", path=str(folder), details=str(error), retryable=True) from error
        if error.errno == errno.EFBIG:
            name = Path(str(error.filename or folder)).name
            raise StudioError("disk.file_limit", path=str(folder), file=name, details=str(error)) from error
        reason = error.strerror or type(error).__name__
        raise StudioError("output.unwritable", path=str(folder), reason=reason, details=str(error)) from error
