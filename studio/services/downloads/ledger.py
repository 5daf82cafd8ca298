"""The log beside a part: which of its bytes were written, which had reached the disk, and whose they are."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import msgspec
import psutil
from msgspec import Struct

from studio.services.downloads.ranges import Ranges
from studio.wire import files

_SUFFIX = ".state"
_SAME_BOOT = 10.0  # seconds by which the time of one start may seem to change


class Origin(Struct, frozen=True):
    """`etag` is what the server at `url` calls the content, "" when it has no name for it."""

    url: str = ""
    etag: str = ""


class _Head(Struct, frozen=True):
    """What it is a log of. `boot`: when the computer was started, POSIX seconds."""

    promise: str
    origin: Origin
    boot: float


class _Line(Struct, frozen=True, omit_defaults=True):
    """One of the three. `here` was written; `safe` is all that was on the disk by then."""

    head: _Head | None = None
    here: tuple[int, int] | None = None
    safe: list[tuple[int, int]] | None = None


class Ledger:
    """Of the part at *part*, whose content is known by *promise*. Every method may raise OSError."""

    def __init__(self, part: Path, promise: str) -> None:
        self.origin = Origin()
        self._path, self._promise = part.with_suffix(_SUFFIX), promise
        self._file: BinaryIO | None = None
        self._adopted = False

    def adopt(self, size: int) -> Ranges:
        """What an earlier process left, of the first *size* bytes; what cannot be believed is forgotten."""
        try:
            head, here, safe = _read(self._path.read_bytes())
        except FileNotFoundError:
            return Ranges()
        if head is None or head.promise != self._promise:
            return Ranges()
        same_boot = abs(head.boot - psutil.boot_time()) < _SAME_BOOT
        here = (here if same_boot else safe).within(size)
        self.origin, self._adopted = head.origin, True
        lines = [self._head(), _Line(safe=list(safe.within(size))), *(_Line(here=each) for each in here)]
        files.write(self._path, b"".join(map(_encoded, lines)))
        return here

    def wrote(self, start: int, end: int) -> None:
        self._append(_Line(here=(start, end)))

    def synced(self, ranges: list[tuple[int, int]]) -> None:
        self._append(_Line(safe=ranges))

    def comes_from(self, origin: Origin) -> None:
        if origin != self.origin:
            self.origin = origin
            if self._file is not None:
                self._append(self._head())

    def forget(self) -> None:
        """The part is begun anew."""
        self.remove()
        self.origin = Origin()

    def remove(self) -> None:
        self.close()
        self._adopted = False
        self._path.unlink(missing_ok=True)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _head(self) -> _Line:
        return _Line(head=_Head(self._promise, self.origin, psutil.boot_time()))

    def _append(self, line: _Line) -> None:
        """Unbuffered: once it is written, no end of this process takes it back."""
        if self._file is None:
            # One that was not adopted is of something else, or of a part that has its name already.
            self._file = self._path.open("ab" if self._adopted else "wb", buffering=0)
            if not self._adopted:
                self._adopted = True
                self._file.write(_encoded(self._head()))
        self._file.write(_encoded(line))


def arrived(folder: Path) -> int:
    """Bytes of parts and whole files below *folder*, as far as is noted; a part may have holes."""
    total = 0
    for file in folder.rglob("*"):
        if file.suffix == _SUFFIX or not file.is_file():
            continue
        log = file.with_suffix(_SUFFIX)
        if file.suffix != files.PART:
            total += file.stat().st_size
        elif log.exists():
            _, here, _ = _read(log.read_bytes())
            total += here.total
    return total


def _encoded(line: _Line) -> bytes:
    return msgspec.json.encode(line) + b"\n"


def _read(log: bytes) -> tuple[_Head | None, Ranges, Ranges]:
    """What it is of, what it says is here, and what is safe. Nothing counts from a torn line on."""
    head, here, safe = None, Ranges(), Ranges()
    for data in log.splitlines():
        try:
            line = msgspec.json.decode(data, type=_Line)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            break
        head = line.head or head
        for start, end in line.safe or []:
            safe.add(start, end)
            here.add(start, end)
        if line.here:
            here.add(*line.here)
    return head, here, safe
