"""A real engine context without an engine: what a pipeline sends is kept, and files go to a folder."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from studio.domain.artifact import Artifact
from studio.domain.family import FamilySpec
from studio.domain.job import Outcome, Peak
from studio.domain.model import ModelSource
from studio.domain.plan import Plan
from studio.domain.request import Request
from studio.engine.context import Context
from studio.families.registry import family, pipeline
from studio.wire.messages import FromEngine, Notice, PhaseProgress, Run, Saved, TextDelta


def _precision(spec: FamilySpec, name: str | dict[str, str]) -> dict[str, str]:
    """How *spec* computes on the CPU when its main part has the type *name*, if it is not said by part."""
    if isinstance(name, dict):
        return name
    if name == "auto":
        return {}
    return next((way for way in spec.precisions.get("cpu", ()) if name in way.values()), {"*": name})


class Bench:
    """Runs jobs on one loaded pipeline, as the engine's worker does."""

    def __init__(
        self,
        name: str,
        path: Path | str,
        outputs: Path,
        *,
        languages: tuple[str, ...] = (),
        precision: str | dict[str, str] = "auto",
        device: str = "cpu",
        **way: Any,
    ) -> None:
        """*way*: further fields of the plan."""
        self.spec = family(name)
        self.model = ModelSource(id="m", family=name, path=str(path), title="Tiny", languages=languages)
        self.outputs = outputs
        self.plan = Plan(device=device, precision=_precision(self.spec, precision), **way)
        self.last: Recording
        self._pipeline: Any = None

    def request(self, **values: Any) -> Request:
        complete = self.spec.complete({"seed": 1, **values})
        return Request(task=self.spec.tasks[0], family=self.spec.name, model="m", values=complete)

    def run(self, cancel_when: Callable[[Recording], Any] | None = None, **values: Any) -> Recording:
        """One job, kept as `last`. It is cancelled as soon as *cancel_when*, given the recording, is true."""
        recording = self.last = Recording(self, self.request(**values))
        watcher = threading.Thread(target=recording.watch, args=(cancel_when or (lambda _: False),))
        watcher.start()
        try:
            if self._pipeline is None:
                recording.context.phase("load")
                self._pipeline = pipeline(self.spec.name).Pipeline(recording.context, self.model)
            if "torch" in sys.modules:
                sys.modules["torch"].set_num_threads(recording.context.threads)
            self._pipeline.run(recording.context, recording.request)
        finally:
            recording.ended = time.monotonic()
            recording.context.end()
            watcher.join()
        return recording

    @property
    def pipeline(self) -> Any:
        """The loaded one, after the first run."""
        return self._pipeline

    def close(self) -> None:
        if self._pipeline is not None:
            self._pipeline.close()
            self._pipeline = None


class Recording:
    """What one job sent, and when it was told to stop."""

    def __init__(self, bench: Bench, request: Request) -> None:
        self.request = request
        self.messages: list[FromEngine] = []
        self.blobs: list[bytes] = []
        self.cancelled_at: float | None = None
        self.ended = 0.0
        self._cancel = threading.Event()
        run = Run(job="j", request=request, model=bench.model, plan=bench.plan, outputs=str(bench.outputs))
        self.context = Context(
            run,
            bench.spec,
            send=self._receive,
            device=bench.plan.device,
            threads=1,  # two wait for each other on a busy machine
            cancel=self._cancel,
        )

    def watch(self, cancel_when: Callable[[Recording], Any]) -> None:
        while not self.ended:
            if cancel_when(self):
                self.cancelled_at = time.monotonic()
                self._cancel.set()
                return
            time.sleep(0.002)

    def _receive(self, message: FromEngine, blob: bytes) -> None:
        self.messages.append(message)
        self.blobs.append(blob)

    def of(self, kind: type) -> list[Any]:
        return [message for message in self.messages if isinstance(message, kind)]

    @property
    def text(self) -> str:
        return "".join(message.text for message in self.of(TextDelta))

    @property
    def phases(self) -> list[str]:
        return list(dict.fromkeys(message.phase for message in self.of(PhaseProgress)))

    @property
    def artifacts(self) -> list[Artifact]:
        return [message.artifact for message in self.of(Saved)]

    @property
    def notices(self) -> list[str]:
        return [message.key for message in self.of(Notice)]

    @property
    def outcome(self) -> Outcome:
        return self.context.outcome(Peak(ram_bytes=0))
