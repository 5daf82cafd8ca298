"""What the panels that make something share, without widgets: the model, its form, the fit line, the job.

Nothing here belongs to one task; a panel's own view-model adds what only it has.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import msgspec

from studio.app.form_model import FormModel
from studio.app.observable import Property
from studio.domain.failure import Failure, StudioError
from studio.domain.family import FamilySpec
from studio.domain.job import Job
from studio.domain.model import Model
from studio.domain.parameter import Text
from studio.domain.plan import Estimate
from studio.domain.request import Request
from studio.domain.text import t
from studio.families.registry import family
from studio.services.event import Event
from studio.services.library.library import Entry
from studio.services.studio import Studio

log = logging.getLogger(__name__)

SAVE_SECONDS = 1.0  # after the last change of a field
PROMPT = "prompt"


class Making:
    """`models`: those here that can do one of *tasks*. `entry`: the chosen one, None when there is none.

    `job` is the last one asked for here, as the queue knows it now; `failure` what to tell the user.
    `promised` is what was told of it when it was asked for. `restored` is emitted after fields were
    filled from a result. Everything that the user typed is kept as a draft, the prompt for each task.
    """

    def __init__(self, studio: Studio, *tasks: str) -> None:
        self.studio = studio
        self.tasks = tasks
        self.form = FormModel()
        self.prompt: Property[str] = Property("")
        self.models: Property[tuple[Entry, ...]] = Property(())
        self.entry: Property[Entry | None] = Property(None)
        self.has_prompt: Property[bool] = Property(True)
        self.estimate: Property[Estimate | None] = Property(None)
        self.job: Property[Job | None] = Property(None)
        self.failure: Property[Failure | None] = Property(None)
        self.restored: Event[Request] = Event()
        self.promised: Estimate | None = None
        self._saving: asyncio.TimerHandle | None = None

        draft = studio.drafts.get(tasks[0])
        self._values: dict[str, dict[str, Any]] = dict(draft.get("values", {}))
        self._chosen: str = draft.get("model", "")
        self._prompts: dict[str, str] = {tasks[0]: draft.get(PROMPT, ""), **draft.get("prompts", {})}
        self.prompt.value = self._prompts[tasks[0]]
        self.form.expanded.value = bool(draft.get("expanded", False))

        self._list_models()
        self._disconnect = (
            studio.library.changed.connect(lambda _: self._list_models()),
            studio.queue.changed.connect(self._job_changed),
            studio.settings.changed.connect(lambda _: self._estimate()),
            studio.planner.changed.connect(lambda _: self._estimate()),
        )
        self.form.changed.connect(lambda _: self._edited())
        self.form.expanded.connect(lambda _: self._edited())
        self.prompt.connect(lambda _: self._edited())

    @property
    def spec(self) -> FamilySpec | None:
        return family(self.entry.value.model.family) if self.entry.value else None

    @property
    def model(self) -> Model | None:
        return self.entry.value.model if self.entry.value else None

    @property
    def task(self) -> str:
        """What the chosen model makes here."""
        able = self.model.tasks if self.model else self.tasks
        return next(task for task in self.tasks if task in able)

    @property
    def busy(self) -> bool:
        """Is the last job asked for here still to end?"""
        return self.job.value is not None and not self.job.value.state.ended

    def choose(self, model_id: str) -> None:
        """Use another model; its form appears with what was set for it before."""
        entry = next((e for e in self.models.value if e.model.id == model_id), None)
        if entry is None or (self.entry.value and self.entry.value.model.id == model_id):
            return
        self._use(entry)

    def request(self, extra: Mapping[str, Any] | None = None) -> Request:
        """What the fields say now. *extra* are values that the form does not hold, or that count instead.

        Raises StudioError: `model.missing` when no model is here, `param.invalid`.
        """
        spec, model = self.spec, self.model
        if spec is None or model is None:
            raise StudioError("model.missing", name=self.task)
        for state in self.form.fields.values():  # never run with another value than the one that stands there
            if (refusal := state.refusal.value) is not None:
                raise StudioError("param.invalid", name=t(state.parameter.label_key), reason=refusal.words)
        prompt = {PROMPT: self.prompt.value} if self.has_prompt.value else {}
        values = {**self.form.values(), **prompt, **(extra or {})}
        settings = self.studio.settings.value
        return Request(
            task=self.task,
            family=spec.name,
            model=model.id,
            values=spec.complete(values, model),
            device=settings.device,
            threads=settings.threads,
        )

    def generate(self, extra: Mapping[str, Any] | None = None, *, front: bool = False) -> Job | None:
        """Put the request in the queue; None, with `failure` set, when it is refused."""
        self.failure.value = None
        try:
            job = self.studio.queue.submit(self.request(extra), front=front)
        except StudioError as error:
            self.failure.value = error.failure
            return None
        self.promised = self.estimate.value
        self.job.value = job
        return job

    def run_on(self, device: str) -> None:
        """Ask for the last job again, as it was but on *device*."""
        job = self.job.value
        if job is None:
            return
        queue = self.studio.queue
        self.failure.value = None
        try:
            if any(job.id == known.id for known in queue.jobs):
                self.job.value = queue.retry(job.id, device=device)
            else:  # it was cleared away meanwhile
                self.job.value = queue.submit(msgspec.structs.replace(job.request, device=device))
        except StudioError as error:
            self.failure.value = error.failure

    def stop(self) -> None:
        """Cancel the last job asked for here."""
        if self.job.value is not None and self.busy:
            self.studio.queue.cancel(self.job.value.id)

    def restore(self, request: Request) -> None:
        """Fill every field from a result; a model that is not here is named and the rest still filled.

        An empty model is one that nobody knows: the chosen one stays.
        """
        entry = next((e for e in self.models.value if e.model.id == request.model), None)
        if entry is not None:
            self._use(entry)
            self.failure.value = None
        elif request.model:
            self.failure.value = StudioError("model.missing", name=request.model).failure
        self.form.load({name: value for name, value in request.values.items() if name in self.form.fields})
        self.prompt.value = request.prompt
        self.restored.emit(request)

    def close(self) -> None:
        """Stop listening and write the draft."""
        for disconnect in self._disconnect:
            disconnect()
        if self._saving is not None:
            self._saving.cancel()
        self._put_draft()

    # --- models -----------------------------------------------------------------------------

    def _list_models(self) -> None:
        entries = [e for task in self.tasks for e in self.studio.library.entries(task)]
        here = tuple(e for e in entries if e.installed is not None and e.model.status == "ready")
        self.models.value = here
        current = self.entry.value.model.id if self.entry.value else self._chosen
        entry = next((e for e in here if e.model.id == current), None)
        if entry is None:
            default = self.studio.library.default(self.tasks[0])
            entry = next((e for e in here if default and e.model.id == default.model.id), None)
            entry = entry or next(iter(here), None)
        if entry != self.entry.value:
            self._use(entry)

    def _use(self, entry: Entry | None) -> None:
        if self.entry.value is not None:
            self._values[self.entry.value.model.id] = self.form.values()
        self._prompts[self.task] = self.prompt.value
        self.entry.value = entry
        self.prompt.value = self._prompts.get(self.task, "")
        if entry is not None:
            parameters = family(entry.model.family).parameters_for(entry.model)
            self.has_prompt.value = any(p.name == PROMPT and isinstance(p, Text) for p in parameters)
            shown = tuple(p for p in parameters if not p.hidden)
            defaults = {p.name: p.default for p in shown}
            self.form.set_parameters(shown, {**defaults, **self._values.get(entry.model.id, {})})
        else:
            self.form.set_parameters(())
        self._edited()

    # --- the fit line, the job, the draft -----------------------------------------------------

    def _edited(self) -> None:
        self._estimate()
        if self._saving is not None:
            self._saving.cancel()
        self._saving = asyncio.get_running_loop().call_later(SAVE_SECONDS, self._save)

    def wanted(self) -> Request | None:
        """What the fields say now, complete or not, for predictions; None without a model."""
        spec, entry = self.spec, self.entry.value
        if spec is None or entry is None or entry.installed is None:
            return None
        settings = self.studio.settings.value
        return Request(
            task=self.task,
            family=spec.name,
            model=entry.model.id,
            values={**self.form.values(), PROMPT: self.prompt.value},
            device=settings.device,
            threads=settings.threads,
        )

    def _estimate(self) -> None:
        request, spec, entry = self.wanted(), self.spec, self.entry.value
        if request is None or spec is None or entry is None or entry.installed is None:
            self.estimate.value = None
            return
        self.estimate.value = self.studio.estimator.estimate(
            request, spec, weights=entry.installed.bytes, least=entry.model.memory_bytes
        )

    def _job_changed(self, job: Job) -> None:
        if self.job.value is None or job.id != self.job.value.id:
            return
        self.job.value = job
        if job.state.ended:
            self.failure.value = job.failure
            self._estimate()

    def _put_draft(self) -> None:
        if self.entry.value is not None:
            self._values[self.entry.value.model.id] = self.form.values()
        self._prompts[self.task] = self.prompt.value
        self.studio.drafts.put(
            self.tasks[0],
            {
                PROMPT: self._prompts[self.tasks[0]],
                "prompts": self._prompts,
                "model": self.entry.value.model.id if self.entry.value else self._chosen,
                "values": self._values,
                "expanded": self.form.expanded.value,
            },
        )

    def _save(self) -> None:
        self._saving = None
        self._put_draft()
        task = asyncio.ensure_future(self.studio.drafts.save())
        task.add_done_callback(_report)


def _report(task: asyncio.Future[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("the drafts could not be saved", exc_info=error)
