"""How fast a download is."""

from __future__ import annotations

import time
from collections import deque

from studio.services.downloads.messages import Progress

_WINDOW = 5.0  # seconds


class Rate:
    """Bytes a second over the last few seconds of one stage."""

    def __init__(self) -> None:
        self._stage = ""
        self._points: deque[tuple[float, int]] = deque()

    def of(self, progress: Progress) -> float:
        now = time.monotonic()
        if progress.stage != self._stage or (self._points and progress.done < self._points[-1][1]):
            self._stage = progress.stage
            self._points.clear()
        self._points.append((now, progress.done))
        while len(self._points) > 2 and now - self._points[0][0] > _WINDOW:
            self._points.popleft()
        since, bytes_then = self._points[0]
        return (progress.done - bytes_then) / (now - since) if now - since > 0.3 else 0.0
