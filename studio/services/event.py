"""Something that happens, and those who want to know. No Qt."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Generic, TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")


class Event(Generic[T]):
    """Callbacks are called in the order of connecting, in the emitting thread, before `emit` returns.

    One that raises is logged with its traceback and keeps nobody else from hearing: a broken
    panel must not stop the queue.
    """

    def __init__(self) -> None:
        self._callbacks: dict[object, Callable[[T], object]] = {}

    def connect(self, callback: Callable[[T], object]) -> Callable[[], None]:
        """Call *callback* on every `emit` from now on. Returns its disconnection (harmless when repeated)."""
        token = object()
        self._callbacks[token] = callback

        def disconnect() -> None:
            self._callbacks.pop(token, None)

        return disconnect

    def emit(self, value: T) -> None:
        for token, callback in list(self._callbacks.items()):
            if token not in self._callbacks:  # disconnected by an earlier callback
                continue
            try:
                callback(value)
            except Exception:
                log.exception("a callback of an event failed")
