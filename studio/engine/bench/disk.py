"""How fast files are read from the disk that models lie on."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from msgspec import Struct

from studio.engine.bench.bench import Bench

CHUNK = 8 * 2**20
LARGEST = 192 * 2**20
ROOM = 2 * 2**30  # bytes that must be free before anything is written
WRITE_SECONDS, READ_SECONDS = 1.2, 1.2
IO = Path("/proc/self/io")
F_NOCACHE = 48  # macOS: read past the cache


class Disk(Struct, frozen=True, kw_only=True):
    """Bytes a second. `cached`: the system would not let go of the file, so that memory was read; None
    where it does not tell."""

    read: float
    written: float
    cached: bool | None


def read(bench: Bench) -> Disk | None:
    """Write a file into the bench's folder and read it. None when the disk is too full. Raises OSError."""
    if shutil.disk_usage(bench.folder).free < ROOM:
        bench.absent["disk"] = "too full"
        return None
    file = bench.folder / "disk"
    try:
        size, seconds = _write(bench, file)
        before = _fetched()
        amount, read_seconds = _read(bench, file)
        after = _fetched()
    finally:
        file.unlink(missing_ok=True)
    cached = None if before is None or after is None else after - before < amount / 2
    return Disk(read=amount / read_seconds, written=size / seconds, cached=cached)


def _write(bench: Bench, file: Path) -> tuple[int, float]:
    """Bytes and seconds until they were on the disk. Afterwards the system's cache has let go of them."""
    chunk, size = os.urandom(CHUNK), 0
    began = time.perf_counter()
    with file.open("wb", buffering=0) as out:
        while size < LARGEST and time.perf_counter() - began < WRITE_SECONDS:
            bench.check_cancelled()
            size += out.write(chunk)
        os.fsync(out.fileno())
        if hasattr(os, "posix_fadvise"):
            os.posix_fadvise(out.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    return size, time.perf_counter() - began


def _read(bench: Bench, file: Path) -> tuple[int, float]:
    buffer: Any = bytearray(CHUNK)
    size = 0
    with file.open("rb", buffering=0) as source:
        if sys.platform == "darwin":
            import fcntl

            fcntl.fcntl(source.fileno(), F_NOCACHE, 1)
        began = time.perf_counter()
        while time.perf_counter() - began < READ_SECONDS and (count := source.readinto(buffer)):
            bench.check_cancelled()
            size += count
    return size, time.perf_counter() - began


def _fetched() -> int | None:
    """Bytes that this process has had fetched from disks, None where the system does not count them."""
    if not IO.exists():
        return None
    counts = dict(line.split(": ") for line in IO.read_text().splitlines())
    return int(counts["read_bytes"])
