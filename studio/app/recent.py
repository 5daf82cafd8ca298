"""The results of late of some tasks, and the one that is looked at; without widgets."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from msgspec import Struct

from studio.app.background import Background
from studio.app.desk import Desk
from studio.app.observable import Property
from studio.domain.failure import Failure
from studio.domain.job import Job
from studio.domain.request import Request
from studio.domain.text import t
from studio.services.event import Event

log = logging.getLogger(__name__)

MOST = 40


class Shown(Struct, frozen=True, kw_only=True):
    """`took`: seconds that its job took, None for one from an earlier day. `seconds` of a sound."""

    path: Path
    request: Request | None
    seed: int | None = None
    seconds: float | None = None
    took: float | None = None

    @property
    def title(self) -> str:
        """Its first words, else its file's name."""
        words = " ".join(self.request.prompt.split()) if self.request else ""
        return words[:80] or self.path.name


class Recent:
    """`results`: the latest first. `current`: the open one. `arrived`: one was saved just now."""

    def __init__(self, desk: Desk, *tasks: str) -> None:
        self._desk = desk
        self._gallery = desk.studio.gallery
        self._tasks = tasks
        self.results: Property[tuple[Shown, ...]] = Property(())
        self.current: Property[Shown | None] = Property(None)
        self.arrived: Event[Shown] = Event()
        self._background = Background("the recent results")
        self._reading: asyncio.Future[None] | None = None
        self._ends = (
            desk.studio.queue.changed.connect(self._follow),
            self._gallery.changed.connect(lambda _: self._refresh()),
        )
        self._refresh()

    def close(self) -> None:
        for end in self._ends:
            end()
        self._background.close()

    def open(self, path: Path) -> None:
        """Look at the result *path*, if it is among them."""
        self.current.value = next((one for one in self.results.value if one.path == path), self.current.value)

    def delete(self) -> None:
        """Move the current result to the trash and offer to bring it back."""
        if self.current.value is not None:
            self._background.start(self._delete(self.current.value.path))

    async def _delete(self, path: Path) -> None:
        try:
            found = await self._gallery.search(path.name, *self._tasks, limit=5)
            ids = await self._gallery.delete([result for result in found if result.path == path])
        except OSError as error:
            values = {"path": str(error.filename), "reason": str(error.strerror)}
            self._desk.complain(Failure(code="output.unwritable", values=values))
            return
        if ids:
            self._desk.say(
                t("recent.deleted"), "recent.undo", lambda: self._background.start(self._undo(ids))
            )

    async def _undo(self, ids: list[int]) -> None:
        await self._gallery.undo(ids)

    # --- what happens elsewhere ----------------------------------------------------------------

    def _follow(self, job: Job) -> None:
        if job.request.task not in self._tasks or not job.artifacts:
            return
        took = job.outcome.timings.get("total") if job.outcome else None
        known = {one.path: one for one in self.results.value}
        made = [
            Shown(path=Path(a.path), request=job.request, seed=a.seed, seconds=a.seconds, took=took)
            for a in reversed(job.artifacts)
        ]
        new = tuple(one for one in made if one.path not in known)
        timed = {one.path: one for one in made if one.path in known and took is not None}
        if new or timed:
            self.results.value = (new + tuple(timed.get(p, one) for p, one in known.items()))[:MOST]
        if new:
            self.current.value = new[0]
            self.arrived.emit(new[0])
        elif self.current.value is not None:
            self.current.value = timed.get(self.current.value.path, self.current.value)

    def _refresh(self) -> None:
        if self._reading is None or self._reading.done():
            self._reading = self._background.start(self._read())

    async def _read(self) -> None:
        """Take over what the gallery has: results of earlier days, without those deleted since."""
        found = await self._gallery.search("", *self._tasks, limit=MOST)
        known = {one.path: one for one in self.results.value}
        listed = {result.path for result in found}
        fresh = tuple(one for one in self.results.value if one.path not in listed and one.path.exists())
        self.results.value = fresh + tuple(
            known.get(r.path) or Shown(path=r.path, request=r.request, seed=r.seed, seconds=r.seconds)
            for r in found
        )
        current = self.current.value
        if current is None or not any(one.path == current.path for one in self.results.value):
            self.current.value = next(iter(self.results.value), None)
