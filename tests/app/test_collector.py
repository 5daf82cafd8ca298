"""Garbage goes on the window's thread."""

from __future__ import annotations

import gc
import threading
import weakref
from typing import Any

from studio.app.collector import EVERY_MS, Collector


class Ring:
    def __init__(self) -> None:
        self.itself = self


def test_it_goes_on_this_thread_and_no_other(qtbot: Any) -> None:
    where: list[threading.Thread] = []
    collector = Collector()
    assert not gc.isenabled()
    ring = Ring()
    weakref.finalize(ring, lambda: where.append(threading.current_thread()))
    del ring
    kept: list[list[int]] = []
    other = threading.Thread(target=lambda: kept.extend([] for _ in range(5000)))  # would collect by itself
    other.start()
    other.join()
    assert where == []
    collector.start()
    qtbot.waitUntil(lambda: bool(where), timeout=20 * EVERY_MS)
    collector.stop()
    assert where == [threading.main_thread()]


def test_python_alone_collects_in_any_thread() -> None:
    """The negative control: what the collector is for."""
    where: list[threading.Thread] = []
    ring = Ring()
    weakref.finalize(ring, lambda: where.append(threading.current_thread()))
    kept: list[list[int]] = []
    other = threading.Thread(target=lambda: kept.extend([] for _ in range(5000)))
    gc.enable()
    try:
        del ring
        other.start()
        other.join()
    finally:
        gc.disable()
    assert where == [other]
