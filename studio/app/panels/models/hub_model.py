"""What the page of the hub knows: what a search found, and the one repository that is looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import msgspec
from msgspec import Struct

from studio.app.background import Background
from studio.app.observable import Property
from studio.app.panels.models.viewmodel import ModelsModel
from studio.domain.failure import Failure, StudioError
from studio.domain.plan import Estimate
from studio.domain.remote import Hit, RemoteModel
from studio.families.registry import families
from studio.services.downloads.pasted import understand
from studio.services.judging import judge


class Seen(Struct, frozen=True, kw_only=True):
    """A repository that was looked at. `verdicts` by variant; `id` once it is in the library's list."""

    name: str
    remote: RemoteModel | None = None
    verdicts: dict[str, Estimate] = {}
    failure: Failure | None = None
    id: str = ""


class HubModel:
    """`hits`: None before a search. `seen`: None before anything was looked at."""

    def __init__(self, models: ModelsModel) -> None:
        self.models = models
        self.hits: Property[tuple[Hit, ...] | None] = Property(None)
        self.seen: Property[Seen | None] = Property(None)
        self.busy: Property[bool] = Property(False)
        self._background = Background("The hub")
        self._last: asyncio.Future[Any] | None = None

    def close(self) -> None:
        self._background.close()

    def find(self, words: str, task: str, sort: str) -> None:
        """Look at what *words* name, or search for them."""
        pasted = understand(words)
        if pasted is not None and ("/" in pasted.repo or "://" in words):
            self.look_at(pasted.name)
        elif "://" in words:
            self.seen.value = Seen(name=words, failure=Failure(code="model.missing", values={"name": words}))
        else:
            self._start(self._search(words.strip(), task, sort))

    def look_at(self, name: str) -> None:
        """Read the headers of the repository *name*."""
        self._start(self._look(name))

    def look_at_variant(self, variant: str) -> None:
        """Look at another form of the same repository."""
        pasted = understand(self.seen.value.name) if self.seen.value is not None else None
        if pasted is not None:
            self.look_at(msgspec.structs.replace(pasted, variant=variant).name)

    def order(self, treat_as: str = "") -> None:
        """Take what is looked at into the library's list, so that it can be fetched there."""
        if self.seen.value is not None:
            self._start(self._order(self.seen.value, treat_as))

    def possible(self) -> list[str]:
        """Families that load files of the kind that is looked at, for the user to decide."""
        seen = self.seen.value
        if seen is None or seen.remote is None:
            return []
        layout = seen.remote.facts.layout
        return [spec.name for spec in families().values() if any(one.kind == layout for one in spec.layouts)]

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        """Only the last thing that was asked for counts."""
        if self._last is not None:
            self._last.cancel()
        self.busy.value = True
        self._last = self._background.start(work)
        self._last.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Future[Any]) -> None:
        if task is self._last:
            self.busy.value = False

    async def _search(self, words: str, task: str, sort: str) -> None:
        try:
            self.hits.value = await self.models.studio.remote.search(words, task=task, sort=sort)
        except StudioError as error:
            self.hits.value = None
            self.models.desk.complain(error.failure)

    async def _look(self, name: str) -> None:
        studio = self.models.studio
        try:
            remote = await studio.remote.probe(name)
        except StudioError as error:
            self.seen.value = Seen(name=name, failure=error.failure)
            return
        verdicts = await asyncio.to_thread(judge, remote, studio.planner, studio.estimator)
        self.seen.value = Seen(name=name, remote=remote, verdicts=verdicts)

    async def _order(self, seen: Seen, treat_as: str) -> None:
        try:
            model = await self.models.studio.offers.offer(seen.name, treat_as=treat_as)
        except StudioError as error:
            self.models.desk.complain(error.failure)
            return
        self.models.ask(model.id)
        self.seen.value = Seen(name=seen.name, remote=seen.remote, verdicts=seen.verdicts, id=model.id)
