"""How well each model runs here, worked out beside the window: one takes some hundredths of a second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable

from studio.app.background import Background
from studio.app.speed import Speed, speed_of
from studio.services.library.library import Entry
from studio.services.studio import Studio


class Speeds:
    """*found* is told each, on the loop. What was asked last, and what is seen, comes first."""

    def __init__(self, studio: Studio, found: Callable[[str, Speed], object]) -> None:
        self._studio, self._found = studio, found
        self._waiting: dict[str, Entry] = {}
        self._background = Background("Models")
        self._running = False

    def ask(self, entries: Iterable[Entry]) -> None:
        """Work these out anew."""
        self._waiting |= {entry.model.id: entry for entry in entries}
        if self._waiting and not self._running:
            self._running = True
            self._background.start(self._work())

    def first(self, ids: Iterable[str]) -> None:
        """These are looked at: they come before the others."""
        seen = {key: self._waiting[key] for key in ids if key in self._waiting}
        self._waiting = seen | self._waiting

    def close(self) -> None:
        self._waiting.clear()
        self._background.close()

    async def _work(self) -> None:
        try:
            while self._waiting:
                key = next(iter(self._waiting))
                entry = self._waiting.pop(key)
                begun = time.perf_counter()
                speed = await asyncio.to_thread(speed_of, self._studio, entry, entry.model.tasks[0])
                self._found(key, speed)
                # Threads take turns: at least half of the time is the window's own.
                await asyncio.sleep(time.perf_counter() - begun)
        finally:
            self._running = False
