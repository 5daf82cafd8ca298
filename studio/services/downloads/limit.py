"""How many bytes a second all downloads may fetch together, whichever processes they run in.

One small file holds the rate and the moment until which it is used up. Who has received something
moves that moment on, under a lock, and sleeps until it has come.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Callable
from pathlib import Path

import filelock

from studio.wire import files

_LONGEST = 60.0  # the clock of another start of the computer may be far ahead


class Limit:
    """*file* is the same for everyone who shares the rate."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = filelock.FileLock(file.with_suffix(".lock"))

    def set(self, bytes_per_second: int) -> None:
        """From now on, for all; 0 is no limit. Raises OSError."""
        if self._read()[0] == bytes_per_second:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._lock:
            if self._read()[0] != bytes_per_second:
                files.write(self._file, _FORMAT.pack(bytes_per_second, 0.0))

    def take(self, count: int, sleep: Callable[[float], object]) -> None:
        """Count bytes that were received, and sleep as long as they should have taken. Raises OSError."""
        if not self._read()[0]:
            return
        with self._lock:
            rate, free = self._read()
            if not rate:
                return
            now = time.monotonic()
            free = max(now, min(free, now + _LONGEST)) + count / rate
            with self._file.open("r+b") as file:
                file.write(_FORMAT.pack(rate, free))
        sleep(free - now)

    def _read(self) -> tuple[int, float]:
        try:
            rate, free = _FORMAT.unpack(self._file.read_bytes())
        except (FileNotFoundError, struct.error):
            return 0, 0.0
        return max(0, rate), free


_FORMAT = struct.Struct("<qd")
