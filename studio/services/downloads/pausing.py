"""A download is paused from another process: a file beside its lock says so, and its helper looks for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

import filelock

_LOOK_SECONDS = 0.3


@contextmanager
def watched(home: Path, paused: Callable[[], None]) -> Generator[None]:
    """For who holds the folder of parts *home*: *paused* is called, in a thread, on a wish for a pause."""
    wish, over = _wish(home.parent, home.name), threading.Event()
    wish.unlink(missing_ok=True)

    def look() -> None:
        while not over.wait(_LOOK_SECONDS):
            if wish.exists():
                wish.unlink(missing_ok=True)
                paused()
                return

    threading.Thread(target=look, daemon=True).start()
    try:
        yield
    finally:
        over.set()


def running(parts: Path) -> list[str]:
    """The keys of what some process is fetching now. Raises OSError."""
    return [lock.stem for lock in sorted(parts.glob("*.lock")) if not _free(lock)]


def pause(parts: Path, key: str, patience: float = 10.0) -> bool:
    """Have the process that fetches *key* stop. Whether it did. Raises OSError."""
    lock, wish = parts / f"{key}.lock", _wish(parts, key)
    wish.touch()
    until = time.monotonic() + patience
    while time.monotonic() < until:
        if _free(lock):
            wish.unlink(missing_ok=True)
            return True
        time.sleep(0.05)
    wish.unlink(missing_ok=True)
    return False


def _wish(parts: Path, key: str) -> Path:
    return parts / f"{key}.pause"


def _free(lock: Path) -> bool:
    try:
        with filelock.FileLock(lock, timeout=0):
            return True
    except filelock.Timeout:
        return False
