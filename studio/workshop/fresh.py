"""A model tried as a user will meet it: in an engine that has just started, through its own two pipes."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

import studio.families
from studio.domain.artifact import Artifact
from studio.domain.failure import StudioError
from studio.domain.job import Outcome
from studio.domain.model import ModelSource
from studio.domain.plan import Plan
from studio.domain.request import Request
from studio.domain.workshop import Trial
from studio.families.registry import family
from studio.wire import frames
from studio.wire.messages import Done, Failed, FromEngine, Run, Saved, from_engine, to_frame

if TYPE_CHECKING:
    from studio.engine.context import Context

LOOK_SECONDS = 0.1  # between looks at whether the user wants it no longer
RUNS = 3  # the first one loads, the quickest of the others counts


class Tried(Struct, frozen=True, kw_only=True):
    """`seconds` of one result with the model loaded, `load_seconds` of loading it into an empty engine."""

    load_seconds: float
    seconds: float
    peak_ram_bytes: int
    per_second: float | None
    artifacts: tuple[Artifact, ...]


def attempt(context: Context, model: ModelSource, trial: Trial, folder: Path) -> Tried:
    """Make *trial* with *model* in a fresh engine, results into *folder*. Raises Cancelled, StudioError."""
    spec = family(model.family)
    known = {p.name: trial.values[p.name] for p in spec.parameters if p.name in trial.values}
    request = Request(
        task=trial.task,
        family=model.family,
        model=model.id,
        values=spec.complete(known),
        device=context.device,
    )
    outcomes: list[Outcome] = []
    artifacts: tuple[Artifact, ...] = ()
    with _engine(context) as engine:
        for n in range(RUNS):
            outcome, made = engine.run(f"trial-{n}", request, model, folder / str(n))
            outcomes.append(outcome)
            artifacts = artifacts or made
            context.progress((n + 1) / RUNS)
    first, *others = outcomes
    best = min(others, key=_work)
    return Tried(
        load_seconds=first.timings.get("load", 0.0),
        seconds=_work(best),
        peak_ram_bytes=max(outcome.peak.ram_bytes for outcome in outcomes),
        per_second=max((o.tokens.per_second for o in others if o.tokens), default=None),
        artifacts=artifacts,
    )


def _work(outcome: Outcome) -> float:
    return outcome.timings["total"] - outcome.timings.get("load", 0.0)


class _Engine:
    def __init__(self, context: Context, process: subprocess.Popen[bytes]) -> None:
        self._context = context
        self._process = process
        self._heard: queue.SimpleQueue[FromEngine | None] = queue.SimpleQueue()
        threading.Thread(target=self._read, name="fresh engine", daemon=True).start()

    def _read(self) -> None:
        stream: Any = self._process.stdout
        with contextlib.suppress(OSError, ValueError, frames.FrameError):  # it was ended
            while (frame := frames.read(stream)) is not None:
                self._heard.put(from_engine(frame))
        self._heard.put(None)

    def run(
        self, job: str, request: Request, model: ModelSource, folder: Path
    ) -> tuple[Outcome, tuple[Artifact, ...]]:
        plan = Plan(device=request.device, threads=self._context.threads)
        message = Run(job=job, request=request, model=model, plan=plan, outputs=str(folder), label=False)
        stream: Any = self._process.stdin
        stream.write(frames.encode(to_frame(message)))
        stream.flush()
        artifacts: list[Artifact] = []
        while True:
            match self._next():
                case Saved() as saved:
                    artifacts.append(saved.artifact)
                case Done() as done:
                    return done.outcome, tuple(artifacts)
                case Failed() as failed:
                    raise StudioError.of(failed.failure)
                case None:
                    raise StudioError("engine.crashed", reason="workshop.reason.engine")
                case _:
                    pass

    def _next(self) -> FromEngine | None:
        while True:
            self._context.check_cancelled()
            try:
                return self._heard.get(timeout=LOOK_SECONDS)
            except queue.Empty:
                continue


@contextmanager
def _engine(context: Context) -> Iterator[_Engine]:
    families = list(studio.families.__path__)[1:]
    command = [sys.executable, "-m", "studio.engine", "--parent", str(os.getpid())]
    for folder in families:
        command += ["--families", str(folder)]
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(Path(studio.families.__path__[0]).parents[1])},
    )
    try:
        yield _Engine(context, process)
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()
