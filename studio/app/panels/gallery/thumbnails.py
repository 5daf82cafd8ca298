"""Small pictures of results: decoded off the window's thread, the latest asked for first, so many kept.

A picture for a picture, the loudness over time for a sound, the first lines for a text.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct
from PySide6.QtGui import QPixmap

from studio.app import pictures, sound
from studio.services.gallery import Result

log = logging.getLogger(__name__)

SIDE = 384  # pixels: a tile on a screen of twice the usual density
KEPT = 320
AT_ONCE = 2
TEXT_CHARACTERS = 400


class Thumbnail(Struct, frozen=True):
    """One of the three; none of them for a file that cannot be read."""

    pixmap: QPixmap | None = None
    peaks: tuple[float, ...] = ()
    text: str = ""


class Thumbnails:
    """*arrived* is called with the id of a result whose thumbnail is there now."""

    def __init__(self, arrived: Callable[[int], object]) -> None:
        self._arrived = arrived
        self._ready: OrderedDict[int, Thumbnail] = OrderedDict()
        self._wanted: OrderedDict[int, Result] = OrderedDict()
        self._workers: set[asyncio.Future[None]] = set()

    def get(self, result: Result) -> Thumbnail | None:
        """None while it is being made; ask again when it has arrived."""
        ready = self._ready.get(result.id)
        if ready is not None:
            self._ready.move_to_end(result.id)
            return ready
        self._wanted[result.id] = result
        self._wanted.move_to_end(result.id)
        if len(self._wanted) > KEPT:  # scrolled past long ago
            self._wanted.popitem(last=False)
        if len(self._workers) < AT_ONCE:
            worker = asyncio.ensure_future(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._ended)
        return None

    def keep_only(self, ids: set[int]) -> None:
        """Forget results that are not there any more."""
        for known in (self._ready, self._wanted):
            for gone in known.keys() - ids:
                del known[gone]

    def close(self) -> None:
        self._wanted.clear()
        for worker in self._workers:
            worker.cancel()

    async def _work(self) -> None:
        while self._wanted:
            _, result = self._wanted.popitem()
            self._ready[result.id] = await make(result)
            while len(self._ready) > KEPT:
                self._ready.popitem(last=False)
            self._arrived(result.id)

    def _ended(self, worker: asyncio.Future[None]) -> None:
        self._workers.discard(worker)
        if not worker.cancelled() and (error := worker.exception()) is not None:
            log.error("thumbnails could not be made", exc_info=error)


async def make(result: Result) -> Thumbnail:
    """Never fails: what cannot be read is shown by its icon."""
    kind = result.media_type.partition("/")[0]
    try:
        if kind == "image":
            image = await pictures.load(result.path, SIDE)
            return Thumbnail(pixmap=None if image.isNull() else QPixmap.fromImage(image))
        if kind == "audio":
            values, _ = await sound.read_peaks(result.path)
            return Thumbnail(peaks=values)
        if kind == "text":
            return Thumbnail(text=await asyncio.to_thread(read_text, result.path, TEXT_CHARACTERS))
    except OSError as error:
        log.info("%s has no thumbnail: %s", result.path.name, error)
    return Thumbnail()


def read_text(path: Path, characters: int) -> str:
    """At most so many *characters* of a text file. Raises OSError."""
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.read(characters)
