"""One window at a time; a second start brings the first one to the front.

The system's own file lock says who is first: it ends with the process, however that ends, so a
stale one cannot block. A second start leaves a note beside it, which the first one looks for.
"""

from __future__ import annotations

import errno
import logging
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
from msgspec import Struct

from studio.services.paths import Paths
from studio.wire import files

log = logging.getLogger(__name__)

LOOK_SECONDS = 0.25
_HELD = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
_NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK)


class Call(Struct, frozen=True, kw_only=True):
    """What a second start hands to the first. `activation`: the desktop's permission to come to the front.

    The window puts it into `XDG_ACTIVATION_TOKEN` before it asks for the front (Wayland).
    """

    activation: str = ""


class Instance:
    """This process's claim to be the one window of a home."""

    def __init__(self, paths: Paths) -> None:
        self._file = paths.run / "window.lock"
        self._lock: int | None = None  # the open file; the system holds the lock while it is open
        self._note = paths.run / "window.call"

    def acquire(self) -> bool:
        """True when this process is the first (or the file system has no locks). Raises OSError."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        if self._lock is None:
            self._lock = _locked(self._file)
        if self._lock is None:
            return False
        self._note.unlink(missing_ok=True)
        return True

    def call(self) -> None:
        """Ask the first instance to come to the front. Raises OSError."""
        call = Call(activation=os.environ.get("XDG_ACTIVATION_TOKEN", ""))
        files.write(self._note, msgspec.json.encode(call))

    async def calls(self) -> AsyncIterator[Call]:
        """Every call of a second start, within `LOOK_SECONDS`, until the task is cancelled."""
        import asyncio  # whether one is the first is asked before anything else, and needs no loop

        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if self._note.exists():
                yield self._take()

    def release(self) -> None:
        """Let another one be the first. Harmless when repeated."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _take(self) -> Call:
        try:
            data = self._note.read_bytes()
            self._note.unlink(missing_ok=True)
            return msgspec.json.decode(data, type=Call)
        except (OSError, msgspec.MsgspecError) as error:
            log.warning("a call of a second start could not be read: %s", error)
            return Call()


def _locked(file: Path) -> int | None:
    """*file*, opened and locked for this process alone; None when another one holds it."""
    opened = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(opened, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _NO_LOCKS:
            log.warning("this file system has no locks, so two windows are possible: %s", error)
            return opened
        os.close(opened)
        if error.errno in _HELD:
            return None
        raise
    return opened
