"""How well each model runs here, worked out beside the window: one takes some hundredths of a second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable

from studio.app.background import Background
from studio.app.speed import Speed, speed_of
from studio.services.library.library import Entry
from studio.services.studio import Studio

SEEN = 60  # models that are looked at, at most; what was seen before them has to wait


class Speeds:
    """*found* is told each, on the loop. Only what is seen is worked out, or all once that is asked for."""

    def __init__(self, studio: Studio, found: Callable[[str, Speed], object]) -> None:
        self._studio, self._found = studio, found
        self._stale: dict[str, Entry] = {}
        self._seen: list[str] = []
        self._every = False
        self._background = Background("Models")
        self._running = False

    def ask(self, entries: Iterable[Entry]) -> None:
        """These are not known any more."""
        self._stale |= {entry.model.id: entry for entry in entries}
        self._go()

    def first(self, ids: Iterable[str]) -> None:
        """These are looked at: they come before the others."""
        self._seen = list(dict.fromkeys([*ids, *self._seen]))[:SEEN]
        self._go()

    def every(self) -> None:
        """All are wanted from now on: something compares them."""
        self._every = True
        self._go()

    def close(self) -> None:
        self._stale.clear()
        self._background.close()

    def _go(self) -> None:
        if not self._running and self._next() is not None:
            self._running = True
            self._background.start(self._work())

    def _next(self) -> str | None:
        seen = next((key for key in self._seen if key in self._stale), None)
        return seen if seen is not None or not self._every else next(iter(self._stale), None)

    async def _work(self) -> None:
        try:
            while (key := self._next()) is not None:
                entry = self._stale.pop(key)
                begun = time.perf_counter()
                speed = await asyncio.to_thread(speed_of, self._studio, entry, entry.model.tasks[0])
                self._found(key, speed)
                # Threads take turns: at least half of the time is the window's own.
                await asyncio.sleep(time.perf_counter() - begun)
        finally:
            self._running = False
