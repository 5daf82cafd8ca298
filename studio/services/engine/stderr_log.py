"""What the engine's libraries print, kept in a file of bounded size."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import BinaryIO

log = logging.getLogger(__name__)

MAX_BYTES = 2_000_000


class StderrLog:
    """Appends to *file*; a full one becomes `<name>.1.log`. One process that prints more is cut short."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._stream: BinaryIO | None = None
        self._written = 0
        self._broken = False

    def write(self, data: bytes) -> None:
        """Add *data*. A disk that refuses is told once: the engine works on without its log."""
        if self._broken or self._written > MAX_BYTES:
            return
        self._written += len(data)
        if self._written > MAX_BYTES:
            data += b"\n... the rest is left out\n"
        try:
            stream = self._stream or self._open()
            stream.write(data)
        except OSError as error:
            self._broken = True
            log.warning("the engine's log cannot be written: %s", error)

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
        self._stream = None
        self._written = 0
        self._broken = False

    def _open(self) -> BinaryIO:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        if self._file.exists() and self._file.stat().st_size > MAX_BYTES:
            self._file.replace(self._file.with_suffix(".1.log"))
        self._stream = self._file.open("ab", buffering=0)
        self._stream.write(f"--- {time.strftime('%Y-%m-%d %H:%M:%S')} engine\n".encode())
        return self._stream
