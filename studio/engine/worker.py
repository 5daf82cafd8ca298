"""The thread that does all torch work of one device: one job at a time, and its models between them."""

from __future__ import annotations

import importlib
import logging
import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from studio.domain import workshop
from studio.domain.failure import Cancelled, Failure
from studio.domain.job import Peak
from studio.domain.measurement import Measurements
from studio.domain.plan import Plan
from studio.engine import device, memory
from studio.engine.bench.measure import measure
from studio.engine.channel import Channel
from studio.engine.context import Context
from studio.engine.failures import explain
from studio.engine.slot import Key, Slot
from studio.families import registry
from studio.wire import messages
from studio.wire.messages import Done, Failed, Measure, Measured, PhaseProgress, Run, Started

log = logging.getLogger(__name__)

BROKEN = 3  # exit status when a loop of ours failed
LOOK_SECONDS = 0.05  # between two looks for a cancel while another device's model loads


class Task:
    """A job that waits until somebody claims it. `cancel` is set once it is to stop."""

    def __init__(self, message: Run | Measure) -> None:
        self.message = message
        self.device: str | None = None  # the concrete one, once it is known
        self.cancel = threading.Event()
        self._claimed = False
        self._lock = threading.Lock()

    @property
    def asked(self) -> str:
        """The device as it was asked for."""
        return self.message.plan.device if isinstance(self.message, Run) else self.message.device

    def claim(self) -> bool:
        """Begin it, unless it was stopped before. Who claimed it says how it ended."""
        with self._lock:
            self._claimed = not self.cancel.is_set()
            return self._claimed

    def stop(self) -> bool:
        """Let it stop. True: nobody has begun it, and nobody will."""
        with self._lock:
            self.cancel.set()
            return not self._claimed

    def fail(self, error: BaseException, where: str) -> tuple[messages.FromEngine, Failure]:
        """How it ended on *where* by *error*; also says so in the log."""
        job = self.message.job
        log.error("job %s failed", job, exc_info=error)
        failure = explain(error, device=where, name=_title(self.message))
        if self.cancel.is_set():  # what a library makes of being stopped is still a stop
            return messages.Cancelled(job=job), failure
        return Failed(job=job, failure=failure), failure


class Worker:
    """Takes the work of *device* in order, and keeps its models.

    *loading* is held while a model loads: two threads that load at once corrupt each other. *relieve*
    is then called with the bytes that are needed, *ended* with every task before its end is sent. All
    methods may be called from any thread and return at once.

    Two things of torch are the whole process's. The number of threads: the job that began last decides.
    The default type, which libraries change for moments while they load: a family names its types.
    """

    def __init__(
        self,
        device: str,
        channel: Channel,
        loading: threading.Lock,
        *,
        relieve: Callable[[int], None],
        ended: Callable[[Task], None],
    ) -> None:
        self._device = device
        self._channel = channel
        self._loading = loading
        self._relieve = relieve
        self._ended = ended
        self._slot = Slot()
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._loop, name=f"worker {device}", daemon=True)
        self._current: str | None = None
        self._thread.start()

    @property
    def job(self) -> str | None:
        """The job that runs."""
        return self._current

    @property
    def resident(self) -> tuple[str, ...]:
        """Ids of the loaded models."""
        return self._slot.resident

    def submit(self, task: Task) -> None:
        """Do *task* after what is under way."""
        self._work.put(lambda: self._do(task))

    def unload(self) -> threading.Event:
        """Forget the loaded models after what is under way. The event is set when they have gone."""
        gone = threading.Event()

        def forget() -> None:
            self._slot.forget()
            gone.set()

        self._work.put(forget)
        return gone

    def configure(self, *, idle_unload_seconds: float) -> None:
        """Forget a model that was not used for so long; 0 is never."""

        def change() -> None:
            self._slot.idle_seconds = idle_unload_seconds

        self._work.put(change)

    def stop(self) -> None:
        """Close the models and end, after what is under way."""
        self.unload()
        self._work.put(None)

    def join(self, patience: float) -> None:
        """Wait for the end, at most *patience* seconds."""
        self._thread.join(patience)

    # --- in the thread ----------------------------------------------------------------------------

    def _loop(self) -> None:
        with whole(self._channel):
            while True:
                try:
                    work = self._work.get(timeout=self._slot.expires_in())
                except queue.Empty:
                    work = self._slot.forget
                if work is None:
                    return
                work()

    def _do(self, task: Task) -> None:
        if not task.claim():
            return
        message = task.message
        self._current = message.job
        ending: messages.FromEngine
        failure: Failure | None = None
        try:
            if isinstance(message, Run):
                ending = Done(job=message.job, outcome=self._attempt(message, task.cancel))
            else:
                ending = Measured(job=message.job, measurements=self._measure(message, task.cancel))
        except Cancelled:
            ending = messages.Cancelled(job=message.job)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - it becomes the job's failure
            ending, failure = task.fail(error, self._device)
        # Outside the handlers: no traceback keeps the model's memory alive any more.
        self._tidy(message, failure)
        self._ended(task)
        self._current = None
        self._channel.send(ending)
        if failure is not None and failure.poison and isinstance(ending, messages.Cancelled):
            self._channel.send(Failed(job=None, failure=failure))

    def _attempt(self, run: Run, cancel: threading.Event) -> Any:
        spec = workshop.method(run.request) or registry.family(run.request.family)
        where = self._device
        threads = device.threads(run.plan.threads)
        context = Context(run, spec, send=self._channel.send, device=where, threads=threads, cancel=cancel)
        self._channel.send(Started(job=run.job, device=where))
        memory.reset_peak_vram(where)
        peak_ram = memory.PeakRam()
        try:
            context.phase("load")
            key = Key(
                family=spec.name, model=run.model, device=where, threads=threads, built=_built(run.plan)
            )

            def load() -> Any:
                nonlocal peak_ram
                peak_ram.stop()  # what was there of another model has gone by now, and is not this job's
                peak_ram = memory.PeakRam()
                with self._alone(cancel):
                    self._relieve(run.model.bytes if run.model else 0)
                    return registry.pipeline(spec.name).Pipeline(context, run.model)

            _use_threads(threads)
            if workshop.method(run.request) is not None:
                self._work_on(context, run, cancel)
            else:
                pipeline = self._slot.acquire(key, load)
                context.check_cancelled()
                _use_threads(threads)  # loading may have been what brought torch in
                pipeline.run(context, run.request)
        finally:
            self._slot.touch()
            context.end()
            ram = peak_ram.stop()
        return context.outcome(Peak(ram_bytes=ram, vram_bytes=memory.peak_vram(where)))

    def _work_on(self, context: Context, run: Run, cancel: threading.Event) -> None:
        """Let a method of the workshop have the memory for itself; it loads on its own, and never keeps."""
        self._slot.forget()
        with self._alone(cancel):
            self._relieve(run.model.bytes if run.model else 0)
            importlib.import_module(f"studio.workshop.{context.spec.name}").work(context, run)

    def _measure(self, message: Measure, cancel: threading.Event) -> Measurements:
        """With no model of ours in memory: neither its space nor its weights in the caches take part."""

        def check() -> None:
            if cancel.is_set():
                raise Cancelled

        def progress(section: str, fraction: float) -> None:
            self._channel.send(PhaseProgress(job=message.job, phase=section, fraction=fraction))

        self._channel.send(Started(job=message.job, device=self._device))
        self._slot.forget()
        with self._alone(cancel):
            return measure(
                device=self._device,
                name=message.name,
                threads=device.threads(0),
                versions=registry.versions(),
                folder=Path(message.folder),
                seconds=message.seconds,
                check=check,
                progress=progress,
            )

    @contextmanager
    def _alone(self, cancel: threading.Event) -> Iterator[None]:
        """While no other worker loads. Raises Cancelled when *cancel* is set before it is our turn."""
        while not self._loading.acquire(timeout=LOOK_SECONDS):
            if cancel.is_set():
                raise Cancelled
        try:
            yield
        finally:
            self._loading.release()

    def _tidy(self, message: Run | Measure, failure: Failure | None) -> None:
        if failure is not None and failure.code.startswith("oom."):
            self._slot.forget()  # room for the next attempt, which will be a smaller one
        elif failure is not None or isinstance(message, Measure) or workshop.method(message.request):
            memory.give_back()


@contextmanager
def whole(channel: Channel) -> Iterator[None]:
    """For a loop of ours: what it raises is no job's failure, and only a new engine is sure to be whole."""
    try:
        yield
    except BaseException as error:
        log.exception("%s failed", threading.current_thread().name)
        channel.send(Failed(job=None, failure=explain(error, device="")))
        sys.stderr.flush()
        os._exit(BROKEN)


def _use_threads(threads: int) -> None:
    torch = memory.imported_torch()
    if torch is not None:
        torch.set_num_threads(threads)


def _built(plan: Plan) -> str:
    return f"{sorted(plan.precision.items())} {plan.channels_last} {plan.offload}"


def _title(message: Run | Measure) -> str:
    model = message.model if isinstance(message, Run) else None
    return (model.title or model.id) if model else ""
