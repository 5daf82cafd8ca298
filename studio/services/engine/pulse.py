"""Whether an engine lives: asked regularly, and ended when it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from studio.services.engine.client import Client
from studio.services.engine.endings import Pressure
from studio.services.engine.running import Limits
from studio.wire import messages as wire


class Pulse:
    """Of *client*. *loading*: does a job load in it now? `pressure`: on the memory, while it lived."""

    def __init__(self, client: Client, limits: Limits, loading: Callable[[], bool]) -> None:
        self.pressure = Pressure()
        self._client = client
        self._limits = limits
        self._loading = loading
        self._asked = self._missed = 0

    def ask(self) -> None:
        """How it is, in figures too."""
        self._asked += 1
        self._client.send(wire.Ping(n=self._asked))

    def answered(self) -> None:
        self._missed = 0

    async def watch(self) -> None:
        """Until it is cancelled, or has ended the engine. Turns are counted, not time: a laptop may sleep in
        between.
        """
        idle_turns = 0
        cpu: float | None = None
        while True:
            if self._loading():
                self._missed = 0
                used = self._client.cpu_seconds()
                idle_turns = idle_turns + 1 if used == cpu else 0
                cpu = used
                if idle_turns * self._limits.ping > self._limits.idle_load:
                    self._client.kill("engine.reason.hung", "loading, without using the processor")
                    return
            else:
                idle_turns = 0
                if self._missed > self._limits.missed_pings:
                    self._client.kill("engine.reason.hung", f"{self._missed} pings without an answer")
                    return
                self._missed += 1
                self.ask()
            self.pressure.look()
            await asyncio.sleep(self._limits.ping)
