"""What Models knows: every known model, whether it fits and is here, and how its download goes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from studio.app.desk import Desk
from studio.app.observable import Property
from studio.app.panels import makers
from studio.app.speed import Speed, spec_of, speed_of
from studio.domain.failure import Failure, StudioError
from studio.domain.job import Job
from studio.domain.model import Hub, Model, Online
from studio.domain.plan import Fit
from studio.domain.quantity import size
from studio.domain.text import localized, t
from studio.services.downloads.state import DownloadState, State
from studio.services.library.library import Entry

log = logging.getLogger(__name__)

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
        if self.model.licence.commercial == "unknown":
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


class ModelsModel:
    """`cards`: by id, in the order to offer them. `shown`: the ids that pass the filters and the search."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._studio = desk, desk.studio
        self.cards: dict[str, Property[ModelState]] = {}
        self.shown: Property[tuple[str, ...]] = Property(())
        self.task: Property[str | None] = Property(None)
        self.fits: Property[bool] = Property(False)
        self.may_sell: Property[bool] = Property(False)
        self.installed: Property[bool] = Property(False)
        self.words: Property[str] = Property("")
        self.offline: Property[bool] = Property(self._studio.offline)
        self._tasks: set[asyncio.Future[None]] = set()
        self._read()
        studio = self._studio
        self._ends: tuple[Callable[[], None], ...] = (
            studio.library.changed.connect(lambda _: self._read()),
            studio.downloads.changed.connect(self._moved),
            studio.settings.changed.connect(lambda _: self._settings()),
            studio.queue.changed.connect(self._ran),
            studio.planner.changed.connect(lambda _: self._read()),
        )
        for narrowing in (self.task, self.fits, self.may_sell, self.installed, self.words):
            narrowing.connect(lambda _: self._narrow())

    def close(self) -> None:
        for end in self._ends:
            end()
        for task in self._tasks:
            task.cancel()

    @property
    def tasks(self) -> list[str]:
        """The tasks that any known model can do, those with a panel first, in the order of the rail."""
        known = dict.fromkeys(task for card in self.cards.values() for task in card.value.model.tasks)
        made = [task for _, task in makers()]
        return [task for task in made if task in known] + [task for task in known if task not in made]

    @property
    def can_go_online(self) -> bool:
        """Is it the setting that keeps the studio offline, and not how it was started?"""
        return self._studio.settings.value.offline

    # --- what the user does ---------------------------------------------------------------------

    def ask(self, model_id: str) -> None:
        """Show the licence before anything is fetched."""
        self._set(model_id, asking="get", failure=None)

    def ask_remove(self, model_id: str) -> None:
        """Say what removing means, before it is done."""
        self._set(model_id, asking="remove")

    def dismiss(self, model_id: str) -> None:
        """Neither get nor remove it."""
        self._set(model_id, asking="", failure=None)

    def get(self, model_id: str) -> None:
        """Fetch it, or go on. Its licence was accepted."""
        try:
            self._studio.downloads.start(model_id)
        except StudioError as error:
            self._set(model_id, asking="", failure=error.failure)
        else:
            self._set(model_id, asking="", failure=None)

    def retry(self, model_id: str) -> None:
        """Try again what failed, going online for it where the setting kept it from being fetched."""
        if self.can_go_online:
            self.go_online()
        self.get(model_id)

    def pause(self, model_id: str) -> None:
        self._studio.downloads.pause(model_id)

    def cancel(self, model_id: str) -> None:
        """Give the download up; what has arrived goes."""
        self._set(model_id, asking="", failure=None)
        self._studio.downloads.cancel(model_id)

    def remove(self, model_id: str) -> None:
        """Delete a fetched model and say what became free."""
        self._start(self._remove(model_id))

    def add(self, path: Path) -> None:
        """List the user's own folder or file, if a family can load it; else say why not."""
        self._start(self._add(path))

    def forget(self, model_id: str) -> None:
        """Take one of the user's own out of the list."""
        self._start(self._forget(model_id))

    def go_online(self) -> None:
        """Turn the offline switch off."""
        try:
            self._studio.settings.change(offline=False)
        except OSError as error:
            values = {"path": str(error.filename), "reason": str(error.strerror)}
            self._desk.complain(Failure(code="output.unwritable", values=values))

    async def _add(self, path: Path) -> None:
        try:
            entry = await self._studio.library.add(path)
        except StudioError as error:
            self._desk.complain(error.failure)
        else:
            self._desk.say(t("models.added", title=localized(entry.model.title)))

    async def _forget(self, model_id: str) -> None:
        try:
            await self._studio.library.forget(model_id)
        except StudioError as error:
            self._desk.complain(error.failure)
        else:
            self._desk.say(t("models.forgotten"))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _remove_for_good(self, model_id: str) -> None:
        self._start(self._remove(model_id, for_good=True))

    async def _remove(self, model_id: str, *, for_good: bool = False) -> None:
        entry = self.cards[model_id].value.entry
        freed = entry.installed.bytes if entry.installed else 0
        try:
            await self._studio.upkeep.remove_model(model_id, for_good=for_good)
        except StudioError as error:
            if error.failure.code == "disk.no_trash":
                self._desk.complain(error.failure, "disk.for_good", lambda: self._remove_for_good(model_id))
            else:
                self._desk.complain(error.failure)
        else:
            words = "disk.freed" if for_good else "models.removed"
            self._desk.say(t(words, size=size(freed)))
        self._set(model_id, asking="")

    def _ended(self, task: asyncio.Future[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("the list of models could not be changed", exc_info=error)

    # --- what happens elsewhere -----------------------------------------------------------------

    def _read(self) -> None:
        """Take over what the library and the downloads say now."""
        entries = sorted(self._studio.library.entries(), key=lambda entry: not entry.model.starter)
        for gone in self.cards.keys() - {entry.model.id for entry in entries}:
            del self.cards[gone]
        for entry in entries:
            download = self._studio.downloads.states.get(entry.model.id)
            known = self.cards.get(entry.model.id)
            if known is None:
                state = ModelState(entry=entry, speed=self._speed(entry), download=download)
                self.cards[entry.model.id] = Property(state)
            else:
                change = {"entry": entry, "speed": self._speed(entry), "download": download}
                known.value = msgspec.structs.replace(known.value, **change)
        self._narrow()

    def _speed(self, entry: Entry) -> Speed:
        return speed_of(self._studio, entry, entry.model.tasks[0])

    def _moved(self, download: DownloadState) -> None:
        if download.id in self.cards:
            self._set(download.id, download=download)

    def _settings(self) -> None:
        self.offline.value = self._studio.offline
        self._read()

    def _ran(self, job: Job) -> None:
        """A finished run is a measurement."""
        card = self.cards.get(job.request.model)
        if card is not None and job.state.ended:
            card.value = msgspec.structs.replace(card.value, speed=self._speed(card.value.entry))

    def _set(self, model_id: str, **changes: object) -> None:
        card = self.cards[model_id]
        card.value = msgspec.structs.replace(card.value, **changes)

    def _narrow(self) -> None:
        words = self.words.value.casefold().split()
        self.shown.value = tuple(
            model_id for model_id, card in self.cards.items() if self._passes(card.value, words)
        )

    def _passes(self, state: ModelState, words: list[str]) -> bool:
        model = state.model
        text = " ".join(
            [model.id, model.family, source_of(model), *model.title.values(), *model.description.values()]
        ).casefold()
        return (
            (self.task.value is None or self.task.value in model.tasks)
            and (not self.fits.value or state.fits)
            and (not self.may_sell.value or model.licence.commercial == "yes")
            and (not self.installed.value or state.entry.installed is not None)
            and all(word in text for word in words)
        )


def source_of(model: Model) -> str:
    """Its maker's name for it on the hub, else its id here."""
    return next((source.repo for source in model.sources if isinstance(source, Hub)), model.id)
