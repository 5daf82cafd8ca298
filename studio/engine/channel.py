"""The engine's way to the studio: whole frames, whichever thread sends them."""

from __future__ import annotations

import logging
import os
import threading

from studio.wire import frames
from studio.wire.messages import FromEngine, to_frame

log = logging.getLogger(__name__)


class Channel:
    """Writes messages to the descriptor *writer*. When nobody reads any more, the process ends."""

    def __init__(self, writer: int) -> None:
        self._writer = writer
        self._lock = threading.Lock()

    def send(self, message: FromEngine, blob: bytes = b"") -> None:
        """Send *message*; waits while the pipe is full."""
        data = memoryview(frames.encode(to_frame(message, blob)))
        try:
            with self._lock:
                while data:
                    data = data[os.write(self._writer, data) :]
        except OSError as error:
            log.warning("the studio is gone: %s", error)
            os._exit(0)
