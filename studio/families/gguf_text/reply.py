"""One answer in the making, on a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

INTERVAL = 0.02  # seconds between two looks: fast enough to read along, and no work per token

Chunk = dict[str, Any]


class Reply:
    """What llama.cpp answers, a few chunks at a time.

    It calls back only between batches, and with a large model one batch of prompt takes many
    seconds. Who waits here instead can leave at any moment: `stop`, and what runs on ends at its
    next callback without anyone waiting for it.
    """

    def __init__(
        self, handle: Callable[[dict[str, Any], Callable[[Chunk], bool]], Any], body: dict[str, Any]
    ):
        self._handle, self._body = handle, body
        self._chunks: list[Chunk] = []
        self._stopped = False
        self._error: BaseException | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="llama.cpp", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[list[Chunk]]:
        """The chunks of each interval, also when there are none. Raises what the library raised."""
        while not self._ended.wait(INTERVAL):
            yield self._take()
        yield self._take()
        if self._error is not None:
            raise self._error

    def stop(self) -> None:
        """Want no more of it. Returns at once."""
        self._stopped = True

    def join(self) -> None:
        """Wait until llama.cpp has let go."""
        self._thread.join()

    def _run(self) -> None:
        try:
            self._handle(self._body, self._receive)
        except BaseException as error:  # noqa: BLE001 - handed to whoever iterates
            self._error = error
        finally:
            self._ended.set()

    def _receive(self, chunk: Chunk) -> bool:
        self._chunks.append(chunk)
        return self._stopped

    def _take(self) -> list[Chunk]:
        taken, self._chunks = self._chunks, []
        return taken
