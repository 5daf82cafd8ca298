"""The plain family's engine half."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from studio.domain.model import ModelSource
    from studio.domain.request import Request
    from studio.engine.context import Context

LOAD_SECONDS = float(os.environ.get("PLAIN_LOAD", "0"))
_one_loads = threading.Lock()
_two_meet = threading.Barrier(2)


class Pipeline:
    def __init__(self, context: Context, model: ModelSource | None) -> None:
        if not _one_loads.acquire(blocking=False):
            raise RuntimeError("two load at once")
        try:
            context.progress(0.5)
            time.sleep(LOAD_SECONDS)
        finally:
            _one_loads.release()

    def run(self, context: Context, request: Request) -> None:
        context.phase("denoise")
        getattr(self, request.values["act"])(context, request.values)

    def close(self) -> None:
        pass

    def rest(self, context: Context, values: dict[str, Any]) -> None:
        for i in range(values["steps"]):
            time.sleep(values["seconds"])
            context.step(i + 1, values["steps"])

    def meet(self, context: Context, values: dict[str, Any]) -> None:
        """Go on only when another job is here at the same time."""
        _two_meet.wait(20)

    def fail(self, context: Context, values: dict[str, Any]) -> None:
        raise RuntimeError("this one fails")
