"""Jobs for an engine process, with any model by its path."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psutil

from studio.domain.model import ModelSource
from studio.domain.plan import Plan
from studio.domain.request import Request
from studio.services.library.recognize import recognize
from studio.wire.messages import Cancelled, Done, Failed, Run
from tests.engine.process import EngineProcess

PATIENCE = 1800.0  # seconds for one job
THREADS = psutil.cpu_count(logical=False) or 1
_numbers = count()


@contextmanager
def running() -> Iterator[EngineProcess]:
    """A new engine, ended with the block."""
    with tempfile.TemporaryDirectory(prefix="bench-") as outputs:
        engine = EngineProcess(Path(outputs))
        try:
            yield engine
        finally:
            engine.close()


def start(engine: EngineProcess, path: Path, **values: Any) -> str:
    """Send a job for the model at *path*, computed in float32 on the CPU. Its id."""
    spec = recognize(path).spec
    request = Request(
        task=spec.tasks[0], family=spec.name, model=str(path), values=spec.complete({"seed": 1, **values})
    )
    job = f"bench-{next(_numbers)}"
    engine.send(
        Run(
            job=job,
            request=request,
            model=ModelSource(id=str(path), family=spec.name, path=str(path), title=path.name),
            plan=Plan(device="cpu", threads=THREADS, precision={"*": "float32"}),
            outputs=str(engine.outputs),
        )
    )
    return job


def run(engine: EngineProcess, path: Path, **values: Any) -> tuple[float, Done]:
    """Seconds from asking to the end, and the end. RuntimeError when that is not a good one."""
    began = time.perf_counter()
    start(engine, path, **values)
    ended = engine.wait_for(Done, Cancelled, Failed, timeout=PATIENCE)
    if not isinstance(ended, Done):
        raise RuntimeError(f"{ended}\n{engine.stderr}")  # noqa: TRY004 - no matter of types
    return time.perf_counter() - began, ended
