"""A real engine process, spoken to as the studio does: blocking, one frame at a time."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
import time
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from studio.domain.failure import Failure
from studio.domain.model import ModelSource
from studio.domain.plan import Plan
from studio.domain.request import Request
from studio.wire import frames
from studio.wire.messages import (
    Cancelled,
    Done,
    Failed,
    FromEngine,
    Ping,
    Pong,
    Ready,
    Run,
    ToEngine,
    from_engine,
    to_frame,
)

FAMILIES = Path(__file__).with_name("families")
PATIENCE = 60.0  # seconds; importing torch on a busy machine is slow

M = TypeVar("M")


class EngineProcess:
    """`messages` holds what came, in order, with blobs in `blobs`; `stderr` is its other voice."""

    def __init__(
        self, outputs: Path, *, wrap: tuple[str, ...] = (), module: str = "studio.engine", **environment: str
    ) -> None:
        self.outputs = outputs
        self.messages: list[FromEngine] = []
        self.blobs: list[bytes] = []
        self.stderr = ""
        self.process = subprocess.Popen(
            [*wrap, sys.executable, "-m", module, "--families", str(FAMILIES)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **environment},
        )
        self._queue: queue.Queue[tuple[FromEngine, bytes] | None] = queue.Queue()
        self._threads = [threading.Thread(target=self._read), threading.Thread(target=self._drain)]
        for thread in self._threads:
            thread.start()
        self._jobs = self._pings = 0
        self.pid = self.wait_for(Ready).pid

    def _read(self) -> None:
        while (frame := frames.read(self.process.stdout)) is not None:
            self._queue.put((from_engine(frame), frame.blob))
        self._queue.put(None)

    def _drain(self) -> None:
        for line in self.process.stderr:
            self.stderr += line.decode("utf-8", "replace")

    def send(self, message: ToEngine) -> None:
        self.send_bytes(frames.encode(to_frame(message)))

    def send_bytes(self, data: bytes) -> None:
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def next(self, timeout: float = PATIENCE) -> FromEngine | None:
        """The next message, None at the end."""
        item = self._queue.get(timeout=timeout)
        if item is None:
            return None
        self.messages.append(item[0])
        self.blobs.append(item[1])
        return item[0]

    def wait_for(self, *kinds: type[M], timeout: float = PATIENCE) -> M:
        """The next message of one of *kinds*; what comes before it is kept too."""
        deadline = time.monotonic() + timeout
        while True:
            message = self.next(max(0.01, deadline - time.monotonic()))
            assert message is not None, f"the engine ended:\n{self.stderr}"
            if isinstance(message, kinds):
                return message

    def start(
        self,
        *,
        model: ModelSource | None = None,
        device: str = "cpu",
        exact: Path | None = None,
        overwrite: bool = False,
        label: bool = True,
        family: str = "sample",
        **values: Any,
    ) -> str:
        """Send a job of one of the test families; returns its id."""
        spec = import_module(f"tests.engine.families.{family}.spec").SPEC

        self._jobs += 1
        request = Request(
            task="image",
            family=family,
            model=model.id if model else family,
            values=spec.complete({"seed": 7, **values}),
        )
        run = Run(
            job=f"job-{self._jobs}",
            request=request,
            model=model,
            plan=Plan(device=device, threads=1),
            outputs=str(self.outputs),
            outputs_exact=str(exact) if exact else None,
            overwrite=overwrite,
            label=label,
        )
        self.send(run)
        return run.job

    def run(self, **values: Any) -> Done | Cancelled | Failed:
        """Do a job to its end, whatever that is."""
        del self.messages[:], self.blobs[:]
        self.start(**values)
        return self.wait_for(Done, Cancelled, Failed)

    def failure(self, **values: Any) -> Failure:
        """The failure that a job ends with."""
        ended = self.run(**values)
        assert isinstance(ended, Failed), f"{ended}\n{self.stderr}"
        return ended.failure

    def ping(self) -> Pong:
        self._pings += 1
        self.send(Ping(n=self._pings))
        pong = self.wait_for(Pong)
        assert pong.n == self._pings
        return pong

    def of(self, kind: type[M]) -> list[M]:
        return [message for message in self.messages if isinstance(message, kind)]

    def exit_code(self, timeout: float = 20.0) -> int:
        return self.process.wait(timeout)

    def close(self) -> None:
        """End it, whatever state it is in, and leave nothing behind."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(20)
        for thread in self._threads:
            thread.join(20)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            try:
                stream.close()
            except BrokenPipeError:
                continue
