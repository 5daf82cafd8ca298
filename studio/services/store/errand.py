"""A long piece of work in a thread: how far it is, and whether it shall end early."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from studio.domain.failure import Cancelled

T = TypeVar("T")

_INTERVAL = 0.1


def _nobody(_done: int, _total: int) -> None:
    return


class Errand:
    """*tell* gets bytes done and in all, at most ten times a second, in the thread that works."""

    def __init__(self, tell: Callable[[int, int], None] = _nobody) -> None:
        self._tell = tell
        self._stop = threading.Event()
        self._last = 0.0
        self.done = self.total = 0

    def begin(self, total: int) -> None:
        """*total* bytes are to be gone through."""
        self.done, self.total, self._last = 0, total, 0.0
        self.step(0)

    def step(self, size: int) -> None:
        """*size* bytes more are done. Raises Cancelled when it shall end."""
        if self._stop.is_set():
            raise Cancelled
        self.done += size
        now = time.monotonic()
        if now - self._last >= _INTERVAL or self.done >= self.total:
            self._last = now
            self._tell(self.done, self.total)

    def stop(self) -> None:
        """Let `step` raise Cancelled from now on."""
        self._stop.set()


async def in_thread(work: Callable[[Errand], T], tell: Callable[[int, int], None] = _nobody) -> T:
    """Run *work* in a thread. *tell* is called on this loop; cancelling stops the work and waits for it."""
    import asyncio  # the store is read before there is a loop

    loop = asyncio.get_running_loop()

    def told(done: int, total: int) -> None:
        loop.call_soon_threadsafe(tell, done, total)

    errand = Errand(told)
    future = loop.run_in_executor(None, work, errand)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        errand.stop()
        await asyncio.wait([future])
        if not future.cancelled():
            future.exception()  # it was told to end; how it did is of no use any more
        raise
