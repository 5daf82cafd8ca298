"""What Models knows: every known model, whether it fits and is here, and how its download goes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from studio.app.background import Background
from studio.app.desk import Desk
from studio.app.observable import Property
from studio.app.panels.models.speeds import Speeds
from studio.app.panels.models.state import TASKS, ModelState
from studio.app.speed import Speed
from studio.domain.failure import Failure, StudioError
from studio.domain.job import Job
from studio.domain.quantity import size
from studio.domain.text import localized, t
from studio.services.downloads.state import DownloadState
from studio.services.event import Event
from studio.services.library.library import Entry


class ModelsModel:
    """`cards`: by id, in the order to offer them. `listed`: other ones are there now. `touched`: this one
    is different.
    """

    def __init__(self, desk: Desk) -> None:
        self.desk, self.studio = desk, desk.studio
        self.cards: dict[str, Property[ModelState]] = {}
        self.listed: Event[None] = Event()
        self.touched: Event[str] = Event()
        self.offline: Property[bool] = Property(self.studio.offline)
        self.licences: dict[str, str] = {}  # the texts, as they were shown
        self._background = Background("Models")
        self._speeds = Speeds(self.studio, self._judged)
        self._read()
        studio = self.studio
        self._ends: tuple[Callable[[], None], ...] = (
            studio.library.changed.connect(lambda _: self._read()),
            studio.downloads.changed.connect(self._moved),
            studio.settings.changed.connect(lambda _: self._settings()),
            studio.queue.changed.connect(self._ran),
            studio.planner.changed.connect(lambda _: self._judge()),
        )

    def close(self) -> None:
        for end in self._ends:
            end()
        self._speeds.close()
        self._background.close()

    @property
    def tasks(self) -> list[str]:
        """The tasks that any known model can do, in the order of `TASKS`, others last."""
        known = dict.fromkeys(task for card in self.cards.values() for task in card.value.model.tasks)
        return [task for task in TASKS if task in known] + [task for task in known if task not in TASKS]

    @property
    def can_go_online(self) -> bool:
        """Is it the setting that keeps the studio offline, and not how it was started?"""
        return self.studio.settings.value.offline

    # --- what the user does ---------------------------------------------------------------------

    def choose(self, model_id: str, variant: str) -> None:
        """Take the model in another form."""
        self._background.start(self._choose(model_id, variant))

    def read_licence(self, model_id: str, shown: Callable[[str], object]) -> None:
        """Give the whole text to *shown*, "" where there is none; what keeps it from being read is said."""
        self._background.start(self._read_licence(model_id, shown))

    async def _choose(self, model_id: str, variant: str) -> None:
        try:
            await self.studio.offers.offer(model_id, variant=variant)
        except StudioError as error:
            self.desk.complain(error.failure)

    async def _read_licence(self, model_id: str, shown: Callable[[str], object]) -> None:
        try:
            text = await self.studio.offers.licence_text(self.cards[model_id].value.model)
        except StudioError as error:
            self.desk.complain(error.failure)
            return
        self.licences[model_id] = text
        shown(text)

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
        """Fetch it with what it needs, or go on. Their licences were accepted."""
        try:
            self.studio.offers.get(model_id, self.licences.get(model_id, ""))
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
        self.studio.downloads.pause(model_id)

    def cancel(self, model_id: str) -> None:
        """Give the download up; what has arrived goes."""
        self._set(model_id, asking="", failure=None)
        self.studio.downloads.cancel(model_id)

    def remove(self, model_id: str) -> None:
        """Delete a fetched model and say what became free."""
        self._background.start(self._remove(model_id))

    def add(self, path: Path) -> None:
        """List the user's own folder or file, if a family can load it; else say why not."""
        self._background.start(self._add(path))

    def forget(self, model_id: str) -> None:
        """Take one of the user's own out of the list."""
        self._background.start(self._forget(model_id))

    def go_online(self) -> None:
        """Turn the offline switch off."""
        try:
            self.studio.settings.change(offline=False)
        except OSError as error:
            values = {"path": str(error.filename), "reason": str(error.strerror)}
            self.desk.complain(Failure(code="output.unwritable", values=values))

    async def _add(self, path: Path) -> None:
        try:
            entry = await self.studio.library.add(path)
        except StudioError as error:
            self.desk.complain(error.failure)
        else:
            self.desk.say(t("models.added", title=localized(entry.model.title)))

    async def _forget(self, model_id: str) -> None:
        try:
            await self.studio.library.forget(model_id)
        except StudioError as error:
            self.desk.complain(error.failure)
        else:
            self.desk.say(t("models.forgotten"))

    def _remove_for_good(self, model_id: str) -> None:
        self._background.start(self._remove(model_id, for_good=True))

    async def _remove(self, model_id: str, *, for_good: bool = False) -> None:
        entry = self.cards[model_id].value.entry
        freed = entry.installed.bytes if entry.installed else 0
        try:
            await self.studio.upkeep.remove_model(model_id, for_good=for_good)
        except StudioError as error:
            if error.failure.code == "disk.no_trash":
                self.desk.complain(error.failure, "disk.for_good", lambda: self._remove_for_good(model_id))
            else:
                self.desk.complain(error.failure)
        else:
            words = "disk.freed" if for_good else "models.removed"
            self.desk.say(t(words, size=size(freed)))
        self._set(model_id, asking="")

    # --- what happens elsewhere -----------------------------------------------------------------

    def look_at(self, ids: Iterable[str]) -> None:
        """These are seen: what they take is worked out before the others."""
        self._speeds.first(ids)

    def judge_all(self) -> None:
        """Something compares all models: what each takes is worked out, seen or not."""
        self._speeds.every()

    def _read(self) -> None:
        """Take over what the library and the downloads say now."""
        entries = sorted(self.studio.library.entries(), key=_place)
        known = self.cards
        self.cards = {}
        changed: list[str] = []
        for entry in entries:
            model_id = entry.model.id
            download = self.studio.downloads.states.get(model_id)
            card = known.get(model_id)
            if card is None:
                card = Property(ModelState(entry=entry, speed=Speed(entry.model.tasks[0]), download=download))
            elif card.value.entry != entry or card.value.download != download:
                card.value = msgspec.structs.replace(card.value, entry=entry, download=download)
                changed.append(model_id)
            self.cards[model_id] = card
        if list(known) != list(self.cards):
            self.listed.emit(None)
        for model_id in changed:
            self.touched.emit(model_id)
        self._judge()

    def _judge(self) -> None:
        self._speeds.ask(card.value.entry for card in self.cards.values())

    def _judged(self, model_id: str, speed: Speed) -> None:
        if model_id in self.cards:
            self._set(model_id, speed=speed)

    def _moved(self, download: DownloadState) -> None:
        if download.id in self.cards:
            self._set(download.id, download=download)

    def _settings(self) -> None:
        self.offline.value = self.studio.offline
        self._read()

    def _ran(self, job: Job) -> None:
        """A finished run is a measurement."""
        card = self.cards.get(job.request.model)
        if card is not None and job.state.ended:
            self._speeds.ask([card.value.entry])

    def _set(self, model_id: str, **changes: object) -> None:
        card = self.cards[model_id]
        before = card.value
        card.value = msgspec.structs.replace(before, **changes)
        if card.value != before:
            self.touched.emit(model_id)


def _place(entry: Entry) -> tuple[bool, bool]:
    """Starters first, and last what cannot run yet."""
    return not entry.model.starter, entry.model.status == "coming"
