"""One model as it is shown: what it is, how it runs here, how its download goes, and what can be done now."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from msgspec import Struct

from studio.app.speed import Speed, spec_of
from studio.domain.ability import BARS
from studio.domain.failure import Failure
from studio.domain.model import Hub, Model, ModelScope, Online
from studio.domain.plan import Fit
from studio.domain.text import localized
from studio.services.downloads.state import DownloadState, State
from studio.services.library.library import Entry

TASKS = (
    *("text", "image", "speech", "music", "sound", "video", "model3d", "transcribe"),
    *("upscale", "cutout", "control", "lora", "preview", "part"),
)
"""What makes something comes first, then what helps with it."""

Mode = Literal[
    "installed", "own", "lost", "removing", "moving", "failed", "asked", "offered", "coming", "absent"
]


class ModelState(Struct, frozen=True, kw_only=True):
    """One model as its card shows it. `asking`: the licence is shown ("get") or a removal is confirmed."""

    entry: Entry
    speed: Speed
    download: DownloadState | None = None
    asking: Literal["", "get", "remove"] = ""
    failure: Failure | None = None

    @property
    def model(self) -> Model:
        return self.entry.model

    @property
    def mode(self) -> Mode:
        """What can be done with it now."""
        download = self.download.state if self.download else None
        if not self.model.sources and Path(self.model.id).is_absolute():
            return "own" if self.entry.installed else "lost"
        if self.entry.installed:
            return "removing" if self.asking == "remove" else "installed"
        if self.model.status == "coming" or spec_of(self.model) is None:
            return "coming"
        if not any(isinstance(source, Online) for source in self.model.sources):
            return "absent"
        if self.failure is not None or download is State.FAILED:
            return "failed"
        if download in (State.WAITING, State.RUNNING, State.PAUSED):
            return "moving"
        return "asked" if self.asking == "get" else "offered"

    @property
    def fits(self) -> bool:
        estimate = self.speed.estimate
        return estimate is not None and estimate.fit in (Fit.GREEN, Fit.AMBER)

    @property
    def here(self) -> bool:
        return self.entry.installed is not None

    @property
    def title(self) -> str:
        return localized(self.model.title)

    @property
    def bytes(self) -> int | None:
        """On disk once it is here, to fetch before."""
        if self.entry.installed and self.entry.installed.bytes:
            return self.entry.installed.bytes
        return self.model.fetch_bytes or self.model.bytes

    @property
    def pace(self) -> float | None:
        """What it makes in a second, in parts of a usual result, so that tasks can be compared."""
        pace = self.speed.pace
        return pace / BARS[self.speed.task].amount if pace is not None else None


def source_of(model: Model) -> str:
    """Its maker's name for it on the hub, else its id here."""
    return next((source.repo for source in model.sources if isinstance(source, Hub | ModelScope)), model.id)
