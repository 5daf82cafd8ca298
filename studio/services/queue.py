"""Everything that was asked for and is not done: one job runs on each device, the others wait here.

So reordering or dropping one needs no round trip to the engine. What has not ended outlives the
studio, and comes back held: nothing ever runs again unasked.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable

import msgspec

from studio.domain.failure import Cancelled, Failure, StudioError
from studio.domain.job import Job, JobState, Outcome, Progress
from studio.domain.request import Request
from studio.domain.speech import check_language
from studio.services import workshop
from studio.services.awake import Awake
from studio.services.estimate import Estimator
from studio.services.event import Event
from studio.services.job_store import JobStore, Kept
from studio.services.runner import Entry, Models, Runner
from studio.services.settings import Settings

log = logging.getLogger(__name__)


class Queue:
    """`changed` tells of a job whenever anything about it or its place has changed; one that is not in
    `jobs` any more was forgotten.
    """

    def __init__(
        self,
        runner: Runner,
        models: Models,
        estimator: Estimator,
        store: JobStore,
        *,
        settings: Callable[[], Settings],
        awake: Awake | None = None,
    ) -> None:
        self.changed: Event[Job] = Event()
        self.text = runner.text
        self.preview = runner.preview
        self.notice = runner.notice
        self.saved = runner.saved
        self._runner = runner
        self._models = models
        self._estimator = estimator
        self._settings = settings
        self._store = store
        self._awake = awake
        self._running: list[Entry] = []
        self._waiting: list[Entry] = []
        self._held: list[Entry] = []
        self._ended: list[Entry] = []
        self._closing = False
        runner.changed.connect(lambda entry: self.changed.emit(entry.job))

    async def load(self) -> None:
        """Take up, as held, what earlier sessions left."""
        self._held += [Entry(kept, None) for kept in await self._store.load()]
        for entry in self._held:
            self.changed.emit(entry.job)

    async def close(self) -> None:
        """Start nothing more, and stop what runs; close the engine at the same time to make that quick.

        What has not ended is kept for the next session.
        """
        self._closing = True
        works = [entry.work for entry in self._running if entry.work is not None]
        for entry in self._running:
            self._runner.cancel(entry)
        if works:
            await asyncio.wait(works)
        self._rest()

    # --- what is in it --------------------------------------------------------------------------

    @property
    def jobs(self) -> tuple[Job, ...]:
        """The running ones, those that wait in order, the held ones, and those that ended since the start."""
        return tuple(entry.job for entry in self._entries())

    def job(self, id: str) -> Job:  # noqa: A002 - the domain's word
        """Raises KeyError."""
        return self._find(id).job

    def remaining(self) -> float | None:
        """Seconds until everything that waits is done; None while that cannot be said, 0 when idle."""
        seconds: dict[str, float] = {}  # by device: they work at the same time
        models: dict[str, str] = {}
        for entry in self._running:
            progress = entry.job.progress
            if progress is None or progress.remaining is None:
                return None
            seconds[entry.device] = progress.remaining
            models[entry.device] = entry.job.request.model
        for entry in self._waiting:
            request = entry.job.request
            if entry.spec is None:
                return None
            device = self._device(entry)
            cold = request.model != models.get(device)
            waiting = self._estimator.seconds(request, entry.spec, cold=cold)
            if waiting is None:
                return None
            seconds[device] = seconds.get(device, 0.0) + waiting
            models[device] = request.model
        return max(seconds.values(), default=0.0)

    async def wait(self, id: str) -> Job:  # noqa: A002
        """The job once it has ended, however. Raises KeyError."""
        entry = self._find(id)
        await entry.ended.wait()
        return entry.job

    # --- what can be done with it ---------------------------------------------------------------

    def submit(
        self,
        request: Request,
        *,
        front: bool = False,
        outputs_exact: str | None = None,
        overwrite: bool = False,
    ) -> Job:
        """Check *request*, complete it, and let it wait its turn; *front*: it is next.

        Raises StudioError `param.invalid` or one of the library's `model.*`, and changes nothing then.
        """
        settings = self._settings()
        resolved = self._models.resolve(request.model, verify=False)
        spec, values = workshop.understood(request, resolved)
        request = msgspec.structs.replace(
            request,
            family=spec.name,
            values=values,
            device=settings.device if request.device == "auto" else request.device,
            threads=request.threads or settings.threads,
        )
        if request.task == "speech":
            able = self._models.able(request.task, request.prompt)
            source = resolved.source
            check_language(request.prompt, source.languages, name=source.title, voices=able)
        job = Job(id=secrets.token_hex(8), request=request, created=time.time())
        kept = Kept(job=job, outputs_exact=outputs_exact, overwrite=overwrite)
        return self._enqueue(Entry(kept, spec), 0 if front else len(self._waiting))

    def cancel(self, id: str) -> None:  # noqa: A002
        """Stop it or drop it. Harmless when it has ended. Raises KeyError."""
        entry = self._find(id)
        if entry in self._running:
            if entry.job.state is JobState.RUNNING:
                entry.set(state=JobState.CANCELLING)
                self.changed.emit(entry.job)
                self._runner.cancel(entry)
        elif not entry.job.state.ended:
            (self._waiting if entry in self._waiting else self._held).remove(entry)
            self._end(entry, JobState.CANCELLED)

    def cancel_all(self) -> None:
        """Stop the running jobs and drop those that wait. Held ones stay: they run only when asked anyway."""
        for entry in [*self._waiting, *self._running]:
            self.cancel(entry.job.id)

    def retry(self, id: str, *, device: str = "") -> Job:  # noqa: A002
        """Ask for an ended job once more, as a new one in its stead; *device*: there instead.

        Raises KeyError, ValueError, and StudioError like `submit`.
        """
        entry = self._find(id)
        if not entry.job.state.ended:
            raise ValueError(f"job {id} has not ended")
        kept = entry.kept
        request = kept.job.request
        if device:
            request = msgspec.structs.replace(request, device=device)
        job = self.submit(request, outputs_exact=kept.outputs_exact, overwrite=kept.overwrite)
        self.forget(id)
        return job

    def move(self, id: str, position: int) -> None:  # noqa: A002
        """Put a waiting job at *position* among those that wait; 0 is next. Raises KeyError, ValueError."""
        entry = self._find(id)
        if entry not in self._waiting:
            raise ValueError(f"job {id} does not wait")
        self._waiting.remove(entry)
        self._waiting.insert(min(max(position, 0), len(self._waiting)), entry)
        self._store.arrange(self._order())
        self.changed.emit(entry.job)

    def resume(self, id: str) -> None:  # noqa: A002
        """Let a held job wait its turn again.

        Raises KeyError, ValueError, and StudioError when it cannot run now.
        """
        entry = self._find(id)
        if entry not in self._held:
            raise ValueError(f"job {id} is not held")
        request = entry.job.request
        resolved = self._models.resolve(request.model, verify=False)
        entry.spec, values = workshop.understood(request, resolved)
        self._held.remove(entry)
        entry.set(state=JobState.WAITING, request=msgspec.structs.replace(request, values=values))
        self._enqueue(entry, len(self._waiting))

    def resume_all(self) -> None:
        """Resume every held job that can run; the others stay. Raises the first one's StudioError."""
        errors: list[StudioError] = []
        for entry in list(self._held):
            try:
                self.resume(entry.job.id)
            except StudioError as error:
                errors.append(error)
        if errors:
            raise errors[0]

    def forget(self, id: str) -> None:  # noqa: A002
        """Take an ended or held job off the list; its results stay. Raises KeyError, ValueError."""
        entry = self._find(id)
        if entry in self._held:
            self._held.remove(entry)
            self._store.drop(id)
        elif entry in self._ended:
            self._ended.remove(entry)
        else:
            raise ValueError(f"job {id} has not ended")
        self.changed.emit(entry.job)

    def clear_ended(self) -> None:
        """Forget every ended job."""
        for entry in list(self._ended):
            self.forget(entry.job.id)

    # --- how it runs ----------------------------------------------------------------------------

    def _entries(self) -> list[Entry]:
        return [*self._running, *self._waiting, *self._held, *self._ended]

    def _find(self, id: str) -> Entry:  # noqa: A002
        for entry in self._entries():
            if entry.job.id == id:
                return entry
        raise KeyError(id)

    def _order(self) -> list[str]:
        return [entry.job.id for entry in self._entries() if not entry.job.state.ended]

    def _enqueue(self, entry: Entry, position: int) -> Job:
        self._waiting.insert(position, entry)
        self._store.put(entry.kept, self._order())
        self.changed.emit(entry.job)
        self._next()
        return entry.job

    def _next(self) -> None:
        """Begin the first waiting job of every device that does nothing."""
        while not self._closing and (entry := self._ready()) is not None:
            self._begin(entry)
        if not self._running:
            self._rest()

    def _ready(self) -> Entry | None:
        busy = {entry.device for entry in self._running}
        for entry in self._waiting:
            entry.device = self._device(entry)
            if entry.device not in busy:
                return entry
        return None

    def _device(self, entry: Entry) -> str:
        request = entry.job.request
        return self._estimator.device(request, entry.spec) if entry.spec is not None else request.device

    def _begin(self, entry: Entry) -> None:
        self._waiting.remove(entry)
        self._running.append(entry)
        entry.set(state=JobState.RUNNING, started=time.time())
        if self._awake is not None and self._settings().keep_awake:
            self._awake.hold()
        entry.work = asyncio.create_task(self._work(entry), name=f"job {entry.job.id}")
        self.changed.emit(entry.job)

    def _rest(self) -> None:
        if self._awake is not None:
            self._awake.release()

    async def _work(self, entry: Entry) -> None:
        state, outcome, failure = JobState.FAILED, None, None
        try:
            outcome = await self._runner.run(entry)
            state = JobState.DONE
        except Cancelled:
            state = JobState.CANCELLED
        except asyncio.CancelledError:
            if entry.job.state is not JobState.CANCELLING and not self._closing:
                raise  # the loop itself ends: the job is kept
            state = JobState.CANCELLED
        except StudioError as error:
            failure = error.failure
        except Exception as error:
            log.exception("a job could not be run")
            failure = Failure(code="internal", values={"reason": str(error)}, details=repr(error))
        self._running.remove(entry)
        if self._closing and entry.job.state is not JobState.CANCELLING and state is not JobState.DONE:
            entry.ended.set()  # it was interrupted; its row brings it back
            return
        if failure is not None and failure.code == "engine.unstartable":
            self._hold_all()
        self._end(entry, state, outcome=outcome, failure=failure)
        self._next()

    def _hold_all(self) -> None:
        """Without an engine the others would only fail one after another."""
        held, self._waiting = self._waiting, []
        self._held += held
        for entry in held:
            entry.set(state=JobState.HELD)
            self.changed.emit(entry.job)

    def _end(
        self,
        entry: Entry,
        state: JobState,
        *,
        outcome: Outcome | None = None,
        failure: Failure | None = None,
    ) -> None:
        progress = entry.job.progress
        if state is JobState.DONE and progress is not None:
            progress = Progress(phase=progress.phase, fraction=1.0, remaining=0.0)
        entry.set(
            state=state,
            ended=time.time(),
            outcome=outcome,
            failure=failure,
            progress=progress,
            text="".join(entry.text),
        )
        self._ended.append(entry)
        self._store.drop(entry.job.id)
        entry.ended.set()
        self.changed.emit(entry.job)
