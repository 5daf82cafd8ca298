"""Collects garbage on the window's own thread, and nowhere else.

Python would collect in whichever thread happens to allocate. Qt's objects must go where they live: one
that was garbage and is taken away by another thread brings the program down.
"""

from __future__ import annotations

import gc

from PySide6.QtCore import QTimer

EVERY_MS = 500


class Collector:
    """Between `start` and `stop`, while Qt's loop runs. Automatic collection stays off for good."""

    def __init__(self) -> None:
        gc.disable()
        self._timer = QTimer()
        self._timer.timeout.connect(collect)

    def start(self) -> None:
        self._timer.start(EVERY_MS)

    def stop(self) -> None:
        self._timer.stop()


def collect() -> None:
    """The generations that are due, as Python itself counts them."""
    due = [count > limit for count, limit in zip(gc.get_count(), gc.get_threshold(), strict=True)]
    if any(due):
        gc.collect(max(generation for generation, is_due in enumerate(due) if is_due))
