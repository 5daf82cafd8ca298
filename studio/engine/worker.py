"""The thread that does all torch work: one job at a time, and between jobs what else needs torch."""

from __future__ import annotations

import logging
import os
import queue
import sys
import threading
from collections.abc import Callable
from typing import Any

from msgspec import Struct

from studio.domain.failure import Cancelled, Failure
from studio.domain.job import Peak
from studio.engine import device, memory
from studio.engine.channel import Channel
from studio.engine.context import Context
from studio.engine.failures import explain
from studio.engine.slot import Key, Slot
from studio.families import registry
from studio.wire import messages
from studio.wire.messages import Devices, Done, Failed, Run, Started

log = logging.getLogger(__name__)

BROKEN = 3  # exit status when the worker's own loop failed


class Task(Struct):
    """A job and its cancel flag, which exists before anything can want to set it."""

    run: Run
    cancel: threading.Event


class Worker:
    """Takes work in order. Loading is part of it: two threads that load at once corrupt each other.

    All methods may be called from any thread and return at once.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._slot = Slot()
        self._tasks: dict[str, Task] = {}
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._loop, name="worker", daemon=True)
        self._current: str | None = None

    def start(self) -> None:
        self._thread.start()

    @property
    def job(self) -> str | None:
        """The job that runs."""
        return self._current

    @property
    def resident(self) -> tuple[str, ...]:
        """Ids of the loaded models."""
        return self._slot.resident

    def submit(self, run: Run) -> None:
        """Do *run* after what is under way."""
        task = Task(run, threading.Event())
        self._tasks[run.job] = task
        self._work.put(lambda: self._do(task))

    def cancel(self, job: str) -> None:
        """Stop *job*, waiting or running; one that ended, or never was, is no error."""
        task = self._tasks.get(job)
        if task is not None:
            task.cancel.set()

    def probe(self) -> None:
        """Try the devices and answer with `Devices`."""

        def try_them() -> None:
            trial = device.probe()
            self._channel.send(Devices(devices=trial.devices, versions=device.versions(), build=trial.build))

        self._work.put(try_them)

    def unload(self) -> None:
        """Forget the loaded models, unless a job runs or waits."""
        if not self._tasks:
            self._work.put(self._slot.forget)

    def configure(self, *, idle_unload_seconds: float) -> None:
        """Forget a model that was not used for so long; 0 is never."""

        def change() -> None:
            self._slot.idle_seconds = idle_unload_seconds

        self._work.put(change)

    def stop(self, patience: float) -> None:
        """Cancel everything, close the models, and wait at most *patience* seconds for it."""
        for task in tuple(self._tasks.values()):
            task.cancel.set()
        self._work.put(self._slot.forget)
        self._work.put(None)
        self._thread.join(patience)

    # --- in the thread ----------------------------------------------------------------------------

    def _loop(self) -> None:
        try:
            while True:
                try:
                    work = self._work.get(timeout=self._slot.expires_in())
                except queue.Empty:
                    work = self._slot.forget
                if work is None:
                    return
                work()
        except BaseException as error:
            # Not a job's failure but ours: only a new engine is sure to be whole.
            log.exception("the worker failed")
            self._channel.send(Failed(job=None, failure=explain(error, device="")))
            sys.stderr.flush()
            os._exit(BROKEN)

    def _do(self, task: Task) -> None:
        run = task.run
        self._current = run.job
        ending: messages.FromEngine
        try:
            outcome = self._attempt(run, task.cancel)
            ending = Done(job=run.job, outcome=outcome)
            failure = None
        except Cancelled:
            ending, failure = messages.Cancelled(job=run.job), None
        except (Exception, SystemExit) as error:
            log.exception("job %s failed", run.job)
            failure = explain(error, device=run.plan.device, name=_title(run))
            # What a library makes of being stopped is still a stop.
            stopped = task.cancel.is_set()
            ending = messages.Cancelled(job=run.job) if stopped else Failed(job=run.job, failure=failure)
        # Outside the handlers: no traceback keeps the model's memory alive any more.
        self._tidy(failure)
        del self._tasks[run.job]
        self._current = None
        self._channel.send(ending)
        if failure is not None and failure.poison and isinstance(ending, messages.Cancelled):
            self._channel.send(Failed(job=None, failure=failure))

    def _attempt(self, run: Run, cancel: threading.Event) -> Any:
        if cancel.is_set():
            raise Cancelled
        spec = registry.family(run.request.family)
        where = device.resolve(run.plan.device)
        threads = device.threads(run.plan.threads)
        context = Context(run, spec, send=self._channel.send, device=where, threads=threads, cancel=cancel)
        self._channel.send(Started(job=run.job, device=where))
        memory.reset_peak_vram(where)
        peak_ram = memory.PeakRam()
        try:
            context.phase("load")
            key = Key(
                family=spec.name, model=run.model, device=where, threads=threads, precision=run.plan.precision
            )
            _use_threads(threads)
            pipeline = self._slot.acquire(
                key, lambda: registry.pipeline(spec.name).Pipeline(context, run.model)
            )
            context.check_cancelled()
            _use_threads(threads)  # loading may have been what brought torch in
            pipeline.run(context, run.request)
        finally:
            self._slot.touch()
            context.end()
            ram = peak_ram.stop()
        return context.outcome(Peak(ram_bytes=ram, vram_bytes=memory.peak_vram(where)))

    def _tidy(self, failure: Failure | None) -> None:
        if failure is not None and failure.code.startswith("oom."):
            self._slot.forget()  # room for the next attempt, which will be a smaller one
        elif failure is not None:
            memory.give_back()


def _use_threads(threads: int) -> None:
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(threads)


def _title(run: Run) -> str:
    return (run.model.title or run.model.id) if run.model else ""
