"""One job's way through the engine: sent, followed, learnt from."""

from __future__ import annotations

import asyncio
import logging
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from studio.domain import workshop
from studio.domain.artifact import Artifact
from studio.domain.failure import Cancelled
from studio.domain.family import FamilySpec
from studio.domain.job import Job, Outcome
from studio.domain.plan import Planned
from studio.services.engine.supervisor import Engine
from studio.services.estimate import Estimator
from studio.services.event import Event
from studio.services.history import LOAD, History, PastRun, work_of
from studio.services.job_store import Kept
from studio.services.library.headers import HeaderError
from studio.services.library.library import Resolved
from studio.services.planning import Planner
from studio.services.progress import Tracker
from studio.services.settings import Settings
from studio.wire import messages as wire
from studio.wire.messages import FromEngine, Notice, TextDelta

log = logging.getLogger(__name__)

TICK_SECONDS = 0.5  # the remaining time counts down between what the engine says


class Models(Protocol):
    """What running a job needs of the library. `folder`: where models lie that are made here."""

    @property
    def folder(self) -> Path: ...

    def resolve(self, id_or_path: str, *, verify: bool = True) -> Resolved: ...

    def able(self, task: str, text: str) -> list[str]: ...


class PreviewFrame(Struct, frozen=True):
    """A picture on its way: `rgb` holds `height * width * 3` bytes, rows from the top."""

    job: str
    index: int
    width: int
    height: int
    rgb: bytes


class SavedResult(Struct, frozen=True):
    """A result of *job* has appeared on disk."""

    job: Job
    artifact: Artifact


class Entry:
    """A job and what belongs to it. `spec` is its family as far as it is known, `device` where it runs, or
    probably will. `beside`: another job ran at the same time.
    """

    def __init__(self, kept: Kept, spec: FamilySpec | None) -> None:
        self.kept = kept
        self.job = kept.job
        self.spec = spec
        self.text: list[str] = []
        self.ended = asyncio.Event()
        self.work: asyncio.Task[None] | None = None
        self.stop: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.tracker: Tracker | None = None
        self.steps: list[float] = []
        self.device = ""
        self.beside = False

    def set(self, **changes: Any) -> None:
        self.job = msgspec.structs.replace(self.job, **changes)


class Runner:
    """Runs jobs, also at the same time. `changed` tells that the job of an entry has."""

    def __init__(
        self,
        engine: Engine,
        models: Models,
        history: History,
        estimator: Estimator,
        planner: Planner,
        *,
        settings: Callable[[], Settings],
        outputs: Callable[[], Path],
    ) -> None:
        self.changed: Event[Entry] = Event()
        self.text: Event[TextDelta] = Event()
        self.preview: Event[PreviewFrame] = Event()
        self.notice: Event[Notice] = Event()
        self.saved: Event[SavedResult] = Event()
        self._engine = engine
        self._models = models
        self._history = history
        self._estimator = estimator
        self._planner = planner
        self._settings = settings
        self._outputs = outputs
        self._under_way: set[Entry] = set()

    async def run(self, entry: Entry) -> Outcome:
        """Raises Cancelled, StudioError."""
        ticking = asyncio.create_task(self._tick(entry), name="job tick")
        self._under_way.add(entry)
        if len(self._under_way) > 1:
            for each in self._under_way:
                each.beside = True
        try:
            return await self._run(entry)
        finally:
            ticking.cancel()
            self._under_way.discard(entry)

    def cancel(self, entry: Entry) -> None:
        """Stop it, wherever it is. Harmless when repeated."""
        if not entry.stop.done():
            entry.stop.set_result(None)
        self._engine.cancel(entry.job.id)

    async def _run(self, entry: Entry) -> Outcome:
        request = entry.job.request
        resolved = await self._resolve(entry)
        making = workshop.method(request)
        spec = entry.spec = making or resolved.spec
        model = resolved.source if resolved.source.path else None
        cold = (model.id if model else spec.name) not in self._engine.resident
        learnt = self._estimator.learnt(request, spec, cold=cold)
        plan, planned = self._planner.best(request, spec)
        usual = learnt.phases if learnt else planned.prediction.phases if planned else None
        entry.tracker = Tracker(spec.phases, usual or None, open_ended="stream" in spec.capabilities)
        message = wire.Run(
            job=entry.job.id,
            request=request,
            model=model,
            plan=plan,
            outputs=str(self._models.folder if making else self._outputs()),
            outputs_exact=entry.kept.outputs_exact,
            overwrite=entry.kept.overwrite,
            label=self._settings().ai_label,
        )
        outcome = await self._engine.run(
            message,
            lambda message, blob: self._heard(entry, message, blob),
            step_seconds=learnt.step_seconds if learnt else None,
        )
        if not entry.beside:  # else time and memory say little about this job alone
            self._learn(entry, spec, outcome, planned, cold=cold)
        return outcome

    def _learn(
        self, entry: Entry, spec: FamilySpec, outcome: Outcome, planned: Planned | None, *, cold: bool
    ) -> None:
        request = entry.job.request
        there = planned is not None and planned.plan.device == outcome.device
        self._history.record(
            PastRun(
                model=request.model,
                family=spec.name,
                asked=request.device,
                device=outcome.device,
                work=work_of(spec, request.values),
                cold=cold,
                ended=time.time(),
                timings=outcome.timings,
                peak=outcome.peak,
                step_seconds=statistics.median(entry.steps) if entry.steps else None,
                rate=_rate(entry.job.artifacts, outcome),
                built=planned.plan.built if planned is not None else "",
                counted=planned.counted if planned is not None and there else None,
            )
        )

    async def _resolve(self, entry: Entry) -> Resolved:
        """The model, its files checked; that may take long, and be stopped."""
        work = asyncio.ensure_future(asyncio.to_thread(self._find, entry.job.request.model))
        await asyncio.wait({work, entry.stop}, return_when=asyncio.FIRST_COMPLETED)
        if entry.stop.done():
            work.cancel()
            raise Cancelled
        return work.result()

    def _find(self, model: str) -> Resolved:
        """In a thread: the files checked, and what they say of themselves read for the plan."""
        resolved = self._models.resolve(model)
        if resolved.source.path and not self._planner.read(model):
            try:
                self._planner.learn(model, Path(resolved.source.path))
            except (HeaderError, OSError) as error:  # the family will say what is wrong when it loads it
                log.info("%s cannot be planned: %s", model, error)
        return resolved

    def _heard(self, entry: Entry, message: FromEngine, blob: bytes) -> None:
        match message:
            case wire.Started():
                entry.device = message.device
            case wire.PhaseProgress():
                if message.step_seconds is not None:
                    entry.steps.append(message.step_seconds)
                if entry.tracker is not None:
                    entry.tracker.hear(message)
                self._show(entry)
            case wire.TextDelta():
                entry.text.append(message.text)
                self.text.emit(message)
            case wire.Preview():
                frame = PreviewFrame(message.job, message.index, message.width, message.height, blob)
                self.preview.emit(frame)
            case wire.Saved():
                artifacts: tuple[Artifact, ...] = (*entry.job.artifacts, message.artifact)
                entry.set(artifacts=artifacts)
                self._show(entry)
                self.saved.emit(SavedResult(entry.job, message.artifact))
            case wire.Notice():
                self.notice.emit(message)
            case _:
                pass

    def _show(self, entry: Entry) -> None:
        progress = entry.tracker.progress() if entry.tracker is not None else None
        entry.set(progress=progress, text="".join(entry.text))
        self.changed.emit(entry)

    async def _tick(self, entry: Entry) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            if entry.job.progress is not None:
                self._show(entry)


def _rate(artifacts: tuple[Artifact, ...], outcome: Outcome) -> float | None:
    """Tokens a second, or seconds of sound made in a second of work, loading not counted."""
    if outcome.tokens is not None:
        return outcome.tokens.per_second
    sound = sum(artifact.seconds or 0.0 for artifact in artifacts)
    work = outcome.timings.get("total", 0.0) - outcome.timings.get(LOAD, 0.0)
    return sound / work if sound and work > 0 else None
