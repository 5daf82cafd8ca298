"""All the work of the engine, brought to the worker of its device.

Which device "auto" is, and which ones there are, only torch can say, and importing it takes long:
a thread of its own asks, so that the control loop always answers.
"""

from __future__ import annotations

import functools
import queue
import threading
import time
from collections.abc import Callable

from studio.engine import device
from studio.engine.channel import Channel
from studio.engine.slot import available_bytes
from studio.engine.worker import Task, Worker, whole
from studio.families import registry
from studio.wire.messages import Cancelled, Devices, Measure, Run

RELIEF_SECONDS = 5.0  # for another device's worker to let go of its models


class Workers:
    """One worker per concrete device, made when it is first needed.

    The methods are for the control thread and return at once.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._workers: dict[str, Worker] = {}
        self._tasks: dict[str, Task] = {}
        self._idle_seconds = 0.0
        self._lock = threading.Lock()  # guards the three above
        self._loading = threading.Lock()
        self._accelerators = functools.cache(self._look_for_accelerators)
        self._work: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        threading.Thread(target=self._loop, name="dispatcher", daemon=True).start()

    @property
    def jobs(self) -> tuple[str, ...]:
        """The jobs that run."""
        return tuple(job for worker in self._all() if (job := worker.job) is not None)

    @property
    def resident(self) -> tuple[str, ...]:
        """Ids of the loaded models."""
        return tuple(model for worker in self._all() for model in worker.resident)

    def submit(self, message: Run | Measure) -> None:
        """Do what *message* asks for on its device, after what that device was given before."""
        task = Task(message)
        with self._lock:
            self._tasks[message.job] = task
        self._work.put(lambda: self._dispatch(task))

    def cancel(self, job: str) -> None:
        """Stop *job*, waiting or running; one that ended, or never was, is no error."""
        with self._lock:
            task = self._tasks.get(job)
        if task is not None and task.stop():
            self._end(task)
            self._channel.send(Cancelled(job=job))

    def probe(self) -> None:
        """Try the devices and answer with `Devices`."""
        self._work.put(self._probe)

    def unload(self) -> None:
        """Forget the loaded models of every device for which no job runs or waits."""
        for worker in self._idle():
            worker.unload()

    def configure(self, *, idle_unload_seconds: float) -> None:
        """Forget a model that was not used for so long; 0 is never."""
        with self._lock:
            self._idle_seconds = idle_unload_seconds
            for worker in self._workers.values():
                worker.configure(idle_unload_seconds=idle_unload_seconds)

    def stop(self, patience: float) -> None:
        """Cancel everything, close the models, and wait at most *patience* seconds for it."""
        deadline = time.monotonic() + patience
        with self._lock:
            for task in self._tasks.values():
                task.stop()
        workers = self._all()
        for worker in workers:
            worker.stop()
        for worker in workers:
            worker.join(max(0.0, deadline - time.monotonic()))

    def _all(self) -> list[Worker]:
        with self._lock:
            return list(self._workers.values())

    def _idle(self) -> list[Worker]:
        """The workers with nothing to do."""
        with self._lock:
            busy = {task.device for task in self._tasks.values()}
            return [worker for name, worker in self._workers.items() if name not in busy]

    def _end(self, task: Task) -> None:
        with self._lock:
            self._tasks.pop(task.message.job, None)

    # --- in the dispatcher's thread -----------------------------------------------------------------

    def _loop(self) -> None:
        with whole(self._channel):
            while True:
                self._work.get()()

    def _dispatch(self, task: Task) -> None:
        try:
            where = device.resolve(task.asked, self._accelerators)
        except Exception as error:  # noqa: BLE001 - it becomes the job's failure
            if task.claim():
                ending, _ = task.fail(error, task.asked)
                self._end(task)
                self._channel.send(ending)
            return
        with self._lock:
            task.device = where
            worker = self._workers.get(where)
            if worker is None:
                worker = Worker(where, self._channel, self._loading, relieve=self._relieve, ended=self._end)
                worker.configure(idle_unload_seconds=self._idle_seconds)
                self._workers[where] = worker
        worker.submit(task)

    def _look_for_accelerators(self) -> list[str]:
        with self._loading:  # it imports torch, as the first model does
            return device.accelerators()

    def _probe(self) -> None:
        with self._loading:
            trial = device.probe()
        self._channel.send(Devices(devices=trial.devices, versions=registry.versions(), build=trial.build))

    # --- in a worker's thread, while it loads -------------------------------------------------------

    def _relieve(self, needed: int) -> None:
        """Have models of idle devices unloaded while fewer than *needed* bytes of memory are available."""
        for worker in self._idle():
            if needed <= available_bytes():
                return
            worker.unload().wait(RELIEF_SECONDS)
