"""At most so many messages a second, and always the latest of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable

from studio.wire.messages import FromEngine

INTERVAL = 0.1  # seconds


class Pace:
    """Passes messages on to *send*, per key at most one in `INTERVAL` seconds.

    A message that comes too early waits, and a later one of its key takes its place. So the last
    one always arrives, however long nothing follows it.
    """

    def __init__(self, send: Callable[[FromEngine, bytes], None]) -> None:
        self._send = send
        self._lock = threading.RLock()
        self._sent: dict[Hashable, float] = {}
        self._waiting: dict[Hashable, tuple[FromEngine, bytes]] = {}
        self._timer: threading.Timer | None = None

    def offer(self, key: Hashable, message: FromEngine, blob: bytes = b"") -> None:
        """Send *message* now or in a moment."""
        with self._lock:
            self._waiting[key] = message, blob
            if self._due(key) <= 0:
                self._pass_on(key)
            elif self._timer is None:
                self._start()

    def drop(self, key: Hashable) -> None:
        """Forget the waiting message of *key*, and let the next one go at once."""
        with self._lock:
            self._waiting.pop(key, None)
            self._sent.pop(key, None)

    def flush(self) -> None:
        """Send what waits. Nothing follows afterwards by itself."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            for key in list(self._waiting):
                self._pass_on(key)

    def _due(self, key: Hashable) -> float:
        sent = self._sent.get(key)
        return 0.0 if sent is None else sent + INTERVAL - time.monotonic()

    def _pass_on(self, key: Hashable) -> None:
        message, blob = self._waiting.pop(key)
        self._sent[key] = time.monotonic()
        self._send(message, blob)

    def _start(self) -> None:
        wait = min(self._due(key) for key in self._waiting)
        self._timer = threading.Timer(max(wait, 0.001), self._tick)
        self._timer.daemon = True
        self._timer.start()

    def _tick(self) -> None:
        with self._lock:
            if self._timer is not threading.current_thread():
                return  # flushed in the meantime
            self._timer = None
            for key in [key for key in self._waiting if self._due(key) <= 0]:
                self._pass_on(key)
            if self._waiting:
                self._start()
