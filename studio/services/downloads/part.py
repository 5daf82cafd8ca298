"""What has arrived of one file: its bytes, and beside them a ledger of which they are.

Several streams write into one part, each into a range that it claimed. A line of the ledger is appended
after the bytes were handed to the system, so a kill loses at most what came since: NOTE bytes of each
stream, or a quarter of a second. What has reached the disk is noted apart: only that is believed once
the computer itself went down. A hash decides in the end, whatever the ledger says.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from studio.services.downloads.ledger import Ledger, Origin
from studio.services.downloads.ranges import Ranges
from studio.wire import files

CHUNK = 8 * 2**20
SPAN = 8 * CHUNK
"""One request asks for at least CHUNK bytes, where as many are missing, and at most for SPAN."""

NOTE = 2**20
NOTE_SECONDS = 0.25


class Lost(Exception):
    """The range is not this stream's any more: the file is begun anew, or the download ends."""


class Part:
    """`changed` guards everything and is told of every change; parts that are filled together share one."""

    def __init__(self, path: Path, promise: str, size: int | None, changed: threading.Condition) -> None:
        self.path = path.with_name(path.name + files.PART)
        self.size, self.changed = size, changed
        self.undivided = False
        """The server only gives the whole."""
        self.epoch = 0
        """Changes when the file is begun anew."""
        self.writing = threading.Lock()
        self._claims: list[Claim] = []
        self._ledger = Ledger(self.path, promise)
        there = self.path.stat().st_size if self.path.exists() else 0
        self.here = self._ledger.adopt(there if size is None else min(there, size))

    # --- what is here ---------------------------------------------------------------------------

    @property
    def have(self) -> int:
        """Bytes, with those that are not noted yet."""
        return self.here.total + sum(claim.at - claim.noted for claim in self._claims)

    @property
    def complete(self) -> bool:
        return not self._claims and self.size is not None and self.here.prefix >= self.size

    @property
    def origin(self) -> Origin:
        """Where it came from so far."""
        return self._ledger.origin

    def secure(self) -> None:
        """Bring what is here to the disk and note it. Raises OSError."""
        with self.changed:
            here, epoch = list(self.here), self.epoch
        with self.path.open("r+b") as file:
            os.fsync(file.fileno())
        with self.changed:
            if epoch == self.epoch:
                self._ledger.synced(here)

    # --- who fills it ---------------------------------------------------------------------------

    def claim(self, streams: int) -> Claim | None:
        """The next range for one of so many streams; None when nothing is left to claim.

        Ranges get smaller towards the end, so that all streams end together.
        """
        with self.changed:
            if self._claims and (self.undivided or self.size is None):
                return None
            taken = Ranges([*self.here, *((claim.noted, claim.end or claim.at) for claim in self._claims)])
            start, end = taken.first_gap(self.size)
            if self.size is not None and start >= self.size:
                return None
            if end is not None and self.size is not None and not self.undivided:
                left = self.size - taken.total
                end = min(end, start + max(CHUNK, min(SPAN, left // streams)))
            claim = Claim(self, start, end)
            self._claims.append(claim)
            return claim

    def restart(self, by: Claim | None = None, *, keep: bool = False) -> None:
        """Begin anew: all claims are lost; with *keep*, all but *by*, which gets the whole.

        Raises Lost where another one began anew before.
        """
        with self.writing, self.changed:
            if by and by.lost:
                raise Lost
            for claim in self._claims:
                claim.lost = not (keep and claim is by)
            self._claims = [by] if by and keep else []
            self.here = Ranges()
            self.epoch += 1
            self._ledger.forget()
            if self.path.exists():
                os.truncate(self.path, 0)
            if by and keep:
                by.start = by.at = by.noted = 0
                by.end = self.size
            self.changed.notify_all()

    def remember(self, claim: Claim, origin: Origin) -> None:
        """What *claim* gets comes from there."""
        with self.changed:
            if not claim.lost:
                self._ledger.comes_from(origin)

    def end_at(self, size: int) -> None:
        """The size, once a server has told it."""
        with self.changed:
            self.size = size
            for claim in self._claims:
                if claim.end is None:
                    claim.end = size
            self.changed.notify_all()

    def note(self, claim: Claim) -> None:
        """Take what *claim* has written for here."""
        with self.changed:
            if claim.lost or claim.at == claim.noted:
                return
            self._ledger.wrote(claim.noted, claim.at)
            self.here.add(claim.noted, claim.at)
            claim.noted = claim.at
            self.changed.notify_all()

    def release(self, claim: Claim) -> None:
        """What it did not fill may be claimed by another."""
        with self.changed:
            if not claim.lost:
                self._claims.remove(claim)
                claim.lost = True
            self.changed.notify_all()

    # --- the end --------------------------------------------------------------------------------

    def close(self) -> None:
        with self.changed:
            self._ledger.close()

    def publish(self, path: Path) -> None:
        """Give the bytes their name, for good. Raises OSError."""
        self.close()
        with self.path.open("r+b") as file:
            file.truncate(self.size)  # an earlier attempt may have been longer
            os.fsync(file.fileno())
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path.replace(path)
        files.sync_folder(path.parent)
        self._ledger.remove()


class Claim:
    """One stream's range: [start, end), written up to `at`. `end` is None while nobody knows it.

    As a context it has the file open.
    """

    def __init__(self, part: Part, start: int, end: int | None) -> None:
        self.part = part
        self.start = self.at = self.noted = start
        self.end = end
        self.lost = False
        self._when = time.monotonic()
        self._file: BinaryIO | None = None

    @property
    def filled(self) -> bool:
        return self.end is not None and self.at >= self.end

    def __enter__(self) -> Self:
        # Unbuffered: what was written is the system's, whatever happens to this process.
        self._file = os.fdopen(os.open(self.part.path, _FLAGS, 0o666), "r+b", buffering=0)
        return self

    def write(self, data: bytes | memoryview) -> None:
        """Raises Lost, OSError; what was written before that is kept."""
        assert self._file is not None
        view = memoryview(data)
        with self.part.writing:
            if self.lost:
                raise Lost
            self._file.seek(self.at)
            while view:
                count = self._file.write(view)  # fewer than all on a disk that is nearly full
                view = view[count:]
                self.at += count
        if self.at - self.noted >= NOTE or time.monotonic() - self._when >= NOTE_SECONDS:
            self._when = time.monotonic()
            self.part.note(self)

    def __exit__(
        self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None
    ) -> None:
        # Closed before it is released: a complete file is renamed, which Windows refuses for open ones.
        assert self._file is not None
        self._file.close()
        try:
            self.part.note(self)
        finally:
            self.part.release(self)


_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
