"""Jobs of any family for a real engine process."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import Any

from studio.domain.model import ModelSource
from studio.domain.plan import Plan
from studio.domain.request import Request
from studio.families.registry import family
from studio.wire.messages import Cancelled, Done, Failed, Run
from tests.engine.process import EngineProcess

numbers = count()
PATIENCE = 600.0  # seconds; real models on a busy machine


def start(engine: EngineProcess, name: str, path: Path, *, threads: int = 1, **values: Any) -> str:
    """Send a job of the family *name*; returns its id.

    Two threads would wait for each other on a busy machine.
    """
    spec = family(name)
    request = Request(
        task=spec.tasks[0], family=name, model=name, values=spec.complete({"seed": 1, **values})
    )
    source = ModelSource(id=name, family=name, path=str(path), title=name, languages=("en",))
    job = f"family-{next(numbers)}"
    del engine.messages[:]
    engine.send(
        Run(
            job=job,
            request=request,
            model=source,
            plan=Plan(device="cpu", threads=threads),
            outputs=str(engine.outputs),
        )
    )
    return job


def run(engine: EngineProcess, name: str, path: Path, **values: Any) -> Done | Cancelled | Failed:
    """Do a job to its end, whatever that is."""
    start(engine, name, path, **values)
    return engine.wait_for(Done, Cancelled, Failed, timeout=PATIENCE)
