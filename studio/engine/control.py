"""The engine's main thread: reads what the studio says and always answers, whatever the workers do."""

from __future__ import annotations

import logging
import os
from typing import BinaryIO

from studio import __version__
from studio.engine.channel import Channel
from studio.engine.failures import explain
from studio.engine.memory import ram_bytes
from studio.engine.workers import Workers
from studio.wire import frames
from studio.wire.messages import (
    PROTOCOL,
    Cancel,
    Configure,
    Failed,
    Measure,
    Ping,
    Pong,
    Probe,
    Ready,
    Run,
    Shutdown,
    ToEngine,
    Unload,
    to_engine,
)

log = logging.getLogger(__name__)

GARBLED = 2  # exit status when what arrived was no message
PATIENCE = 1.0  # seconds for the workers to close their models


class Control:
    """Serves one studio over *reader* and *channel*."""

    def __init__(self, reader: BinaryIO, channel: Channel) -> None:
        self._reader = reader
        self._channel = channel
        self._workers = Workers(channel)

    def serve(self) -> int:
        """Until the studio says so, or its end of the pipe closes. Returns the exit status."""
        self._channel.send(Ready(protocol=PROTOCOL, pid=os.getpid(), version=__version__))
        try:
            while (frame := frames.read(self._reader)) is not None:
                message = to_engine(frame)
                if isinstance(message, Shutdown):
                    break
                self._handle(message)
        except frames.FrameError as error:
            log.exception("the studio sent what is no message")
            self._channel.send(Failed(job=None, failure=explain(error, device="")))
            return GARBLED
        self._workers.stop(PATIENCE)
        return 0

    def _handle(self, message: ToEngine) -> None:
        workers = self._workers
        match message:
            case Run() | Measure():
                workers.submit(message)
            case Cancel():
                workers.cancel(message.job)
            case Ping():
                self._channel.send(
                    Pong(n=message.n, ram_bytes=ram_bytes(), resident=workers.resident, jobs=workers.jobs)
                )
            case Probe():
                workers.probe()
            case Unload():
                workers.unload()
            case Configure():
                workers.configure(idle_unload_seconds=message.idle_unload_seconds)
            case Shutdown():
                pass
