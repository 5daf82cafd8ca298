"""The engine as the studio sees it: there when needed, gone when asked, and never the studio's end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

from studio.domain.failure import Cancelled, Failure, StudioError
from studio.domain.job import Outcome
from studio.domain.measurement import Measurements
from studio.services.engine.client import Client
from studio.services.engine.endings import Ending, failure_of
from studio.services.engine.pulse import Pulse
from studio.services.engine.running import Heard, Limits, Running
from studio.services.engine.starting import start
from studio.services.event import Event
from studio.wire import messages as wire
from studio.wire.messages import FromEngine

log = logging.getLogger(__name__)

OTHER_JOB = "engine.reason.other_job"  # what the jobs beside the one are told for which the engine had to end


class EngineState(StrEnum):
    OFF = "off"
    STARTING = "starting"
    READY = "ready"
    UNSTARTABLE = "unstartable"


class Engine:
    """Starts the engine on first need and again after a crash. Jobs for one device run in its order.

    `figures` is its last `Pong`, None while it is off; `resident` the ids of the models in its memory (a
    family that needs no file counts by its name). `failure` says why it could not be started.
    """

    def __init__(self, command: Sequence[str], log_file: Path, limits: Limits | None = None) -> None:
        self.changed: Event[EngineState] = Event()
        self.measured: Event[wire.Pong] = Event()
        self.state = EngineState.OFF
        self.failure: Failure | None = None
        self.figures: wire.Pong | None = None
        self.resident: tuple[str, ...] = ()
        self._command = command
        self._log_file = log_file
        self._limits = limits or Limits()
        self._settings: wire.Configure | None = None
        self._client: Client | None = None
        self._starting: asyncio.Task[Client] | None = None
        self._pulse: Pulse | None = None
        self._watch: asyncio.Task[None] | None = None
        self._running: dict[str, Running] = {}
        self._devices: asyncio.Future[wire.Devices] | None = None
        self._crashes = 0
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The engine's process, None while there is none."""
        return self._client.pid if self._client is not None else None

    # --- what others ask for --------------------------------------------------------------------

    async def run(self, message: wire.Run, heard: Heard, *, step_seconds: float | None = None) -> Outcome:
        """Do the job, calling *heard* with every message about it. *step_seconds*: a usual step's, learnt.

        Raises Cancelled after `cancel`, else StudioError: the engine's failure, or one made from
        how it ended. Raises RuntimeError while the same job runs.
        """
        measurements = [r for r in self._running.values() if isinstance(r.message, wire.Measure)]
        for measurement in measurements:  # what the user asks for goes first
            self.cancel(measurement.message.job)
        return await self._do(Running(message, heard, step_seconds), after=measurements)

    async def measure(self, message: wire.Measure, heard: Heard) -> Measurements:
        """Measure a device once the jobs under way, if any, have ended; a job that comes ends it.

        Raises Cancelled after `cancel` or when a job came, else StudioError.
        """
        return await self._do(Running(message, heard), after=tuple(self._running.values()))

    def cancel(self, job: str) -> None:
        """Stop *job* if it runs: asked first, and ended by force if that takes too long."""
        running = self._running.get(job)
        if running is None or running.cancelling:
            return
        running.cancelling = True
        if running.client is None:
            running.finish(Cancelled())
            return
        running.client.send(wire.Cancel(job=job))
        asyncio.get_running_loop().call_later(
            running.patience(self._limits), self._lose_patience, running, running.client
        )

    async def _do(self, running: Running, *, after: Sequence[Running]) -> Any:
        """Send it once those before it have ended, and follow it to its own end."""
        message = running.message
        if message.job in self._running:
            raise RuntimeError(f"job {message.job} runs already")
        self._running[message.job] = running
        try:
            ready = asyncio.ensure_future(self._client_after(after))
            ready.add_done_callback(_look_at)
            await asyncio.wait({ready, running.end}, return_when=asyncio.FIRST_COMPLETED)
            if not running.end.done():  # else cancelled before it began; the start goes on
                running.client = ready.result()
                if len(self._running) == 1:
                    running.client.forget_words()
                running.client.send(message)
            outcome = await running.end
            self._crashes = 0
            return outcome
        except asyncio.CancelledError:  # nobody waits for it any more
            if running.client is not None:
                running.client.kill(details="abandoned")
            raise
        finally:
            del self._running[message.job]

    async def _client_after(self, before: Sequence[Running]) -> Client:
        if before:
            await asyncio.wait({running.end for running in before})
        return await self._ready_client()

    async def devices(self) -> wire.Devices:
        """Which devices can really compute, tried by the engine. Raises StudioError."""
        client = await self._ready_client()
        if self._devices is None or self._devices.done():
            self._devices = asyncio.get_running_loop().create_future()
            self._devices.add_done_callback(_look_at)
            client.send(wire.Probe())
        return await asyncio.shield(self._devices)

    def configure(self, settings: wire.Configure) -> None:
        """From now on, and for every engine to come."""
        self._settings = settings
        if self._client is not None:
            self._client.send(settings)

    def unload(self) -> None:
        """Forget resident models, unless a job runs."""
        if self._client is not None:
            self._client.send(wire.Unload())

    async def free_memory(self) -> None:
        """Give everything back for certain: end the engine, with its jobs, and start a new one."""
        if self._client is None:
            return
        await self._end()
        await self._ready_client()

    async def close(self) -> None:
        """End it, with its jobs. Harmless when repeated; afterwards nothing starts any more."""
        self._closed = True
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait({self._starting})
        await self._end()
        for running in self._running.values():
            running.finish(Cancelled())

    # --- start and end --------------------------------------------------------------------------

    async def _ready_client(self) -> Client:
        if self._client is not None:
            if not self._client.killed:
                return self._client
            await self._client.wait()  # its memory comes back with its end
        if self._closed:
            raise Cancelled
        if self._starting is None:
            self._starting = asyncio.create_task(self._start(), name="engine start")
            self._starting.add_done_callback(_look_at)
        try:
            return await asyncio.shield(self._starting)
        except asyncio.CancelledError:
            if self._closed:
                raise Cancelled from None
            raise

    async def _start(self) -> Client:
        try:
            self._enter(EngineState.STARTING)
            delays = self._limits.crash_delays
            await asyncio.sleep(delays[min(self._crashes, len(delays) - 1)])
            client = await start(self._command, self._log_file, self._limits, self._heard, self._ended)
            self._client = client
            self.failure = None
            if self._settings is not None:
                client.send(self._settings)
            self._pulse = Pulse(client, self._limits, lambda: any(job.loading for job in self._in(client)))
            self._watch = asyncio.create_task(self._pulse.watch(), name="engine watch")
            self._enter(EngineState.READY)
            return client
        except asyncio.CancelledError:
            self._enter(EngineState.OFF)
            raise
        except StudioError as error:
            self.failure = error.failure
            self._enter(EngineState.UNSTARTABLE)
            raise
        finally:
            self._starting = None

    async def _end(self) -> None:
        """End the engine: politely, then by force. Its jobs end as cancelled."""
        client = self._client
        if client is None:
            return
        for running in self._in(client):
            running.cancelling = True
            client.send(wire.Cancel(job=running.message.job))
        client.send(wire.Shutdown())
        try:
            async with asyncio.timeout(self._limits.leave):
                await client.wait()
        except TimeoutError:
            client.kill()
            await client.wait()

    def _ended(self, ending: Ending) -> None:
        """The process is gone; everything it said has been heard."""
        client, self._client = self._client, None
        pulse, self._pulse = self._pulse, None
        self.figures, self.resident = None, ()
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        failure = failure_of(ending, pressure=pulse is not None and pulse.pressure.found())
        if self._devices is not None and not self._devices.done():
            self._devices.set_exception(StudioError.of(failure))
        jobs = [running for running in self._in(client) if not running.end.done()] if client else []
        if any(not running.cancelling for running in jobs):
            self._crashes += 1
            log.warning("the engine ended in the middle of a job: %s", ending.report)
        for running in jobs:
            running.finish(Cancelled() if running.cancelling else StudioError.of(failure))
        self._enter(EngineState.OFF)

    def _in(self, client: Client) -> list[Running]:
        """The jobs that were sent to *client*; others wait for the next engine."""
        return [running for running in self._running.values() if running.client is client]

    def _enter(self, state: EngineState) -> None:
        if self.state is not state:
            self.state = state
            self.changed.emit(state)

    def _restart(self, details: str) -> None:
        """End a poisoned engine; the next need starts a new one."""
        if self._client is not None:
            self._client.kill(OTHER_JOB, details)

    def _lose_patience(self, running: Running, client: Client) -> None:
        if self._client is client and not running.end.done():
            client.kill(OTHER_JOB, "a job did not stop when asked")

    # --- while it lives -------------------------------------------------------------------------

    def _heard(self, message: FromEngine, blob: bytes) -> None:
        match message:
            case wire.Pong():
                if self._pulse is not None:
                    self._pulse.answered()
                self.figures, self.resident = message, message.resident
                self.measured.emit(message)
            case wire.Devices():
                if self._devices is not None and not self._devices.done():
                    self._devices.set_result(message)
            case wire.Failed(job=None):
                if not self._running:
                    failure = message.failure
                    log.warning("the engine failed without a job: %s %s", failure.code, failure.details)
                for running in self._running.values():
                    self._failed(running, message.failure)
                self._restart(message.failure.code)
            case wire.Ready():
                log.warning("the engine says twice that it is ready")
            case _:
                running = self._running.get(message.job or "")
                if running is None or running.end.done():
                    log.info("a message about a job that is over: %s", type(message).__name__)
                    return
                self._heard_of_job(running, message, blob)

    def _heard_of_job(self, running: Running, message: FromEngine, blob: bytes) -> None:
        running.follow(message)
        match message:
            case wire.Done():
                if isinstance(done := running.message, wire.Run):  # until it says more
                    self.resident = (done.model.id if done.model else done.request.family,)
                running.finish(message.outcome)
                self._ask()
            case wire.Measured():
                running.finish(message.measurements)
                self._ask()
            case wire.Cancelled():
                running.finish(Cancelled())
                self._ask()
            case wire.Failed():
                self._failed(running, message.failure)
                if message.failure.poison:
                    self._restart(message.failure.code)
            case _:
                running.heard(message, blob)

    def _ask(self) -> None:
        """For its figures, which have changed."""
        if self._pulse is not None:
            self._pulse.ask()

    def _failed(self, running: Running, failure: Failure) -> None:
        if running.cancelling:  # it stumbled over being stopped: what the user sees is that it stopped
            log.info("a job failed while it was cancelled: %s %s", failure.code, failure.details)
            running.finish(Cancelled())
        else:
            running.finish(StudioError.of(failure))


def _look_at(future: asyncio.Future[Any]) -> None:
    """Take its error as seen: who waits for it hears of it, and else nobody needs to."""
    if not future.cancelled():
        future.exception()
