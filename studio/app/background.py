"""Work that is started and not waited for; it ends with who started it, and what it raises is never lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from studio.domain.failure import Failure, StudioError

log = logging.getLogger(__name__)


def failure_of(error: BaseException) -> Failure:
    """*error* as it is shown."""
    if isinstance(error, StudioError):
        return error.failure
    return Failure(code="internal", values={"reason": str(error)}, details=type(error).__name__)


class Background:
    """*failed* is told what a piece of work raised; without it that is logged under *name*."""

    def __init__(self, name: str, failed: Callable[[BaseException], object] | None = None) -> None:
        self._name = name
        self._failed = failed
        self._tasks: set[asyncio.Future[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Future[Any]:
        """Run *work* on the loop. Cancel the returned task to stop it early."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def close(self) -> None:
        """Cancel what still runs."""
        for task in tuple(self._tasks):
            task.cancel()

    def _ended(self, task: asyncio.Future[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        if self._failed is not None:
            self._failed(error)
        else:
            log.error("%s: something failed in the background", self._name, exc_info=error)
