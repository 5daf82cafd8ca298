"""Files that appear whole or not at all: written aside, synced, then given their name.

Used by every process that writes something another one reads. A kill at any moment leaves the
old file or the new one, and at worst a `*.part` beside it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

PART = ".part"


def write(path: Path, data: bytes, *, mode: int = 0o666) -> None:
    """Replace *path* by *data*. *mode*: a new file's permissions from its first byte on. Raises OSError."""
    part = path.with_name(f"{path.name}.{os.getpid()}{PART}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(part, flags, mode), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_new(path: Path, data: bytes) -> None:
    """Create *path* with *data*. Raises FileExistsError when it is there already, OSError else."""
    part = path.with_name(f"{path.name}.{os.getpid()}{PART}")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        publish_new(part, path)
    finally:
        part.unlink(missing_ok=True)


def publish_new(part: Path, path: Path) -> None:
    """Give *part* the name *path* unless something has it. Raises FileExistsError."""
    if sys.platform == "win32":
        part.rename(path)  # refuses an existing name there
        return
    try:
        os.link(part, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if path.exists():
            raise FileExistsError(path) from None
        part.rename(path)
    sync_folder(path.parent)


def numbered(path: Path, index: int, count: int) -> Path:
    """The name of result *index* (from 0) of *count* under one name: `name-1`, `name-2`, or *path* itself.

    A result more than was asked for gets a number too.
    """
    number = index + 1 if count > 1 else index
    return path.with_stem(f"{path.stem}-{number}") if number else path


def sync_folder(folder: Path) -> None:
    """Make a rename durable; Windows does that by itself."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
