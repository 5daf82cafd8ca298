"""The workshop without an engine around it: one method on one model, with a real context and real files."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from studio.domain.artifact import Artifact
from studio.domain.comparison import Report
from studio.domain.model import ModelSource
from studio.domain.plan import Plan
from studio.domain.request import Request
from studio.domain.workshop import METHODS, TASK
from studio.engine.context import Context
from studio.services.library.library import Library
from studio.services.workshop import report_of, understood
from studio.wire.messages import FromEngine, PhaseProgress, Run, Saved


class Workbench:
    """`models` is the folder that results go to. `messages`: what the last job sent."""

    def __init__(self, models: Path) -> None:
        self.models = models
        self.library = Library(models)
        self.messages: list[FromEngine] = []

    def work(
        self,
        method: str,
        model: Path | str,
        *,
        cancel_when: Callable[[FromEngine], bool] | None = None,
        report: bool = False,
        **values: Any,
    ) -> Artifact:
        """Do *method*; raises what the engine's worker would tell of. *report*: try both in fresh engines."""
        import importlib

        resolved = self.library.resolve(str(model))
        request = Request(
            task=TASK, family=method, model=str(model), values={"report": report, **values}, device="cpu"
        )
        spec, complete = understood(request, resolved)
        request = Request(task=TASK, family=method, model=str(model), values=complete, device="cpu")
        source: ModelSource = resolved.source
        run = Run(job="job", request=request, model=source, plan=Plan(device="cpu"), outputs=str(self.models))
        cancel = threading.Event()
        self.messages = []

        def heard(message: FromEngine, _blob: bytes) -> None:
            self.messages.append(message)
            if cancel_when is not None and cancel_when(message):
                cancel.set()

        context = Context(run, spec, send=heard, threads=1, cancel=cancel)
        try:
            importlib.import_module(f"studio.workshop.{spec.name}").work(context, run)
        finally:
            context.end()
        assert METHODS[method].phases.keys() >= {
            m.phase for m in self.messages if isinstance(m, PhaseProgress)
        }
        return next(m.artifact for m in self.messages if isinstance(m, Saved))

    def report(self, artifact: Artifact) -> Report:
        found = report_of(Path(artifact.path))
        assert found is not None
        return found

    @property
    def leftovers(self) -> list[Path]:
        """What lies in the folder of models beside whole ones."""
        return [file for file in self.models.rglob("*") if file.is_file() and not file.name.startswith(".")]
