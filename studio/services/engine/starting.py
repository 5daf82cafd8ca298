"""Starting an engine, several times if need be."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from studio.domain.failure import StudioError
from studio.services.engine.client import Client, StartError
from studio.services.engine.endings import Ending, unstartable
from studio.services.engine.running import Heard, Limits
from studio.services.engine.stderr_log import StderrLog

log = logging.getLogger(__name__)


async def start(
    command: Sequence[str], log_file: Path, limits: Limits, heard: Heard, ended: Callable[[Ending], None]
) -> Client:
    """One that is ready. *heard* gets all that it says, *ended* how it ends. Raises StudioError."""
    ending = Ending(code=None)
    for delay in limits.start_delays:
        await asyncio.sleep(delay)
        try:
            return await Client.start(
                command,
                heard=heard,
                ended=ended,
                stderr_log=StderrLog(log_file),
                ready_seconds=limits.ready,
            )
        except StartError as error:
            ending = error.ending
            log.warning("the engine did not start: %s", ending.report)
            if error.final:
                break
    raise StudioError.of(unstartable(ending))
