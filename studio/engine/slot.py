"""The small set of models that stay loaded. Nothing outside knows how many that is."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import psutil
from msgspec import Struct

from studio.domain.model import ModelSource
from studio.engine.memory import give_back

log = logging.getLogger(__name__)


class Key(Struct, frozen=True, kw_only=True):
    """What must be equal for a loaded model to serve again. `built`: see `Plan.loading`."""

    family: str
    model: ModelSource | None
    device: str
    threads: int
    built: tuple[object, ...]

    @property
    def id(self) -> str:
        return self.model.id if self.model else self.family


class Slot:
    """Keeps what was used last, at most *capacity* models and no more than memory holds.

    `idle_seconds`: how long one may stay unused, 0 for ever. One thread at a time.
    """

    def __init__(self, capacity: int = 1) -> None:
        self._capacity = capacity
        self._resident: dict[Key, Any] = {}  # the one used last stands last
        self._used = time.monotonic()
        self.idle_seconds = 0.0

    @property
    def resident(self) -> tuple[str, ...]:
        """Ids of the loaded models; a family that needs no file counts by its name."""
        return tuple(key.id for key in tuple(self._resident))

    def acquire(self, key: Key, load: Callable[[], Any]) -> Any:
        """The pipeline for *key*: the loaded one, or what *load* returns once there is room for it."""
        if key in self._resident:
            pipeline = self._resident.pop(key)
        else:
            self._make_room(key.model.bytes if key.model else 0)
            pipeline = load()
        self._resident[key] = pipeline
        return pipeline

    def touch(self) -> None:
        """The idle time begins now."""
        self._used = time.monotonic()

    def expires_in(self) -> float | None:
        """Seconds until `forget` is due, None for never."""
        if not self._resident or not self.idle_seconds:
            return None
        return max(0.0, self._used + self.idle_seconds - time.monotonic())

    def forget(self) -> None:
        """Unload every model and give the memory back."""
        for key in tuple(self._resident):
            self._unload(key)

    def _make_room(self, needed: int) -> None:
        while self._resident and (len(self._resident) >= self._capacity or needed > available_bytes()):
            self._unload(next(iter(self._resident)))

    def _unload(self, key: Key) -> None:
        try:
            self._resident[key].close()
        except Exception:
            log.exception("%s did not close cleanly", key.id)
        self._resident[key] = None
        try:
            give_back()
        finally:
            del self._resident[key]  # only now it counts as gone, because now its memory is


def available_bytes() -> int:
    """Memory that a model may take without anything else having to go."""
    return psutil.virtual_memory().available
