"""What Draw knows: the pictures of late, the one that is looked at, the one that is on its way."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from msgspec import Struct

from studio.app.observable import Event, Property
from studio.app.panels.making import Making
from studio.domain.job import Job, JobState
from studio.domain.request import Request
from studio.services.runner import PreviewFrame
from studio.services.studio import Studio

log = logging.getLogger(__name__)

RECENT = 40


class Picture(Struct, frozen=True, kw_only=True):
    """`seconds` that its job took, None for one from an earlier day."""

    path: Path
    request: Request | None
    seed: int | None = None
    seconds: float | None = None


class DrawModel(Making):
    """`pictures`: the latest first. `current`: the one to show. `preview`: an unfinished one, else None."""

    def __init__(self, studio: Studio) -> None:
        super().__init__(studio, "image")
        self.pictures: Property[tuple[Picture, ...]] = Property(())
        self.current: Property[Picture | None] = Property(None)
        self.preview: Property[PreviewFrame | None] = Property(None)
        self.arrived: Event[Picture] = Event()
        self._drawing: set[str] = set()
        self._ends = (
            studio.queue.changed.connect(self._follow),
            studio.queue.preview.connect(self._previewed),
            studio.gallery.changed.connect(lambda _: self._refresh()),
        )
        self._reading: asyncio.Future[None] | None = None
        self._refresh()

    def close(self) -> None:
        for end in self._ends:
            end()
        super().close()

    def look_at(self, path: Path) -> None:
        """Show the picture *path* of `pictures`."""
        self.preview.value = None
        self.current.value = next((p for p in self.pictures.value if p.path == path), self.current.value)

    def reuse_seed(self) -> None:
        """The current picture's seed for the next one, and keep it."""
        picture = self.current.value
        if picture is not None and picture.seed is not None and "seed" in self.form.fields:
            self.form.set("seed", picture.seed)

    def use_again(self) -> None:
        """Every field as it was for the current picture."""
        picture = self.current.value
        if picture is not None and picture.request is not None:
            self.restore(picture.request)

    async def delete(self) -> list[int]:
        """Move the current picture to the trash; the ids for `gallery.undo`. Raises OSError."""
        picture = self.current.value
        if picture is None:
            return []
        found = await self.studio.gallery.search(picture.path.name, self.task, limit=5)
        return await self.studio.gallery.delete([r for r in found if r.path == picture.path])

    # --- what happens elsewhere ----------------------------------------------------------------

    def _follow(self, job: Job) -> None:
        if job.request.task != self.task:
            return
        known = {picture.path for picture in self.pictures.value}
        seconds = job.outcome.timings.get("total") if job.outcome else None
        new = tuple(
            Picture(path=Path(a.path), request=job.request, seed=a.seed, seconds=seconds)
            for a in reversed(job.artifacts)
            if a.media_type.startswith("image/") and Path(a.path) not in known
        )
        if new:
            self.pictures.value = (new + self.pictures.value)[:RECENT]
            self.current.value = new[0]
            self.arrived.emit(new[0])
        if job.state.ended:
            self.preview.value = None
        if job.state is JobState.DONE and seconds is not None:
            self._timed({Path(a.path) for a in job.artifacts}, seconds)

    def _timed(self, paths: set[Path], seconds: float) -> None:
        """The job has ended: now it is known how long its pictures took."""

        def timed(picture: Picture) -> Picture:
            if picture.path not in paths or picture.seconds is not None:
                return picture
            return Picture(path=picture.path, request=picture.request, seed=picture.seed, seconds=seconds)

        self.pictures.value = tuple(timed(picture) for picture in self.pictures.value)
        if self.current.value is not None:
            self.current.value = timed(self.current.value)

    def _previewed(self, frame: PreviewFrame) -> None:
        job = self.studio.queue.job(frame.job)
        if job.request.task == self.task and not job.state.ended:
            self.preview.value = frame

    def _refresh(self) -> None:
        if self._reading is None or self._reading.done():
            self._reading = asyncio.ensure_future(self._read())
            self._reading.add_done_callback(_report)

    async def _read(self) -> None:
        """Take over what the gallery has: pictures of earlier days, without those deleted since."""
        results = await self.studio.gallery.search("", self.task, limit=RECENT)
        known = {picture.path: picture for picture in self.pictures.value}
        listed = {result.path for result in results}
        fresh = tuple(p for p in self.pictures.value if p.path not in listed and p.path.exists())
        self.pictures.value = fresh + tuple(
            known.get(r.path) or Picture(path=r.path, request=r.request, seed=r.seed) for r in results
        )
        current = self.current.value
        if current is None or not any(p.path == current.path for p in self.pictures.value):
            self.current.value = next(iter(self.pictures.value), None)


def _report(task: asyncio.Future[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("the recent pictures could not be read", exc_info=error)
