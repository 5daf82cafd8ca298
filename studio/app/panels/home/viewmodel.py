"""What Home knows: what can be tried now, what this computer can do, what was made lately.

It is made before the studio runs and then knows the models; speeds, jobs and results follow.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from studio.app import language
from studio.app.desk import Desk
from studio.app.observable import Property
from studio.app.panels import makers
from studio.app.speed import Speed, example, example_request, spec_of, speed_of
from studio.domain.failure import Failure, StudioError
from studio.domain.job import Job, JobState
from studio.domain.machine import Machine
from studio.services.library.library import Entry

if TYPE_CHECKING:
    import asyncio

    from studio.services.gallery import Result
    from studio.services.studio import Studio

log = logging.getLogger(__name__)

LATELY = 8
_ON_ITS_WAY = (JobState.RUNNING, JobState.CANCELLING, JobState.WAITING)
SNIPPET = 60  # letters of a text that a tile shows
PARTS_OF_THE_DAY = ((5, "night"), (11, "morning"), (13, "noon"), (18, "afternoon"), (24, "evening"))


class Try(Struct, frozen=True, kw_only=True):
    """An example for a task, made by the panel *key*. `entry` is None when no model is here.

    `job`: the one that was started from here and has not ended.
    """

    task: str
    key: str
    entry: Entry | None = None
    prompt: str = ""
    speed: Speed
    job: Job | None = None


class Ability(Struct, frozen=True, kw_only=True):
    """What a model that is here does with this computer; without a model, what its task lacks."""

    task: str
    key: str
    entry: Entry | None
    speed: Speed


class Made(Struct, frozen=True, kw_only=True):
    """A result of late; `words` are the first of a text."""

    result: Result
    words: str = ""

    @property
    def title(self) -> str:
        return " ".join(self.result.prompt.split()) or self.result.path.name


def part_of_the_day(hour: int) -> str:
    """The word of the greeting for an *hour* in 0..23."""
    return next(name for end, name in PARTS_OF_THE_DAY if hour < end)


class HomeModel:
    """`welcomed`: is the first start over? `machine` is None until it was read."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self._basis = desk, desk.basis
        self._studio: Studio | None = None
        # Who got the starter pack by the terminal or with a bundle needs no welcome to it.
        self._complete = all(entry.installed is not None for entry in self._basis.library.starters())
        self.welcomed: Property[bool] = Property(self._basis.settings.value.welcomed or self._complete)
        self.greeting: Property[str] = Property("")
        self.tries: Property[tuple[Try, ...]] = Property(())
        self.abilities: Property[tuple[Ability, ...]] = Property(())
        self.machine: Property[Machine | None] = Property(None)
        self.lately: Property[tuple[Made, ...]] = Property(())
        self._jobs: dict[str, str] = {}
        self._reading: asyncio.Future[None] | None = None
        self._again = False
        self._ends: list[Callable[[], None]] = [
            self._basis.library.changed.connect(lambda _: self._look()),
            self._basis.settings.changed.connect(lambda _: self._settings()),
            language.current.connect(lambda _: self._look()),
        ]
        self.greet()
        if self.welcomed.value and not desk.is_open:
            self._look()
        desk.when_open(self._attend)

    def _attend(self) -> None:
        """The studio runs: look at it, and follow what it does."""
        from studio.app.background import Background

        self._studio = studio = self.desk.studio
        self.machine.value = studio.machine
        self._background = Background("Home")
        self._ends += [
            studio.queue.changed.connect(self._job_changed),
            studio.planner.changed.connect(lambda _: self._look()),
            studio.gallery.changed.connect(lambda _: self._read_lately()),
            self._background.close,
        ]
        self._look()
        self._background.start(self._read_machine(studio))
        self._read_lately()

    def close(self) -> None:
        for end in self._ends:
            end()

    # --- what the user does ---------------------------------------------------------------------

    def greet(self, now: datetime | None = None) -> None:
        """By the time of day; called whenever Home is shown."""
        self.greeting.value = part_of_the_day((now or datetime.now().astimezone()).hour)

    def run(self, task: str) -> None:
        """Make the example of *task* in its panel."""
        chosen = next(one for one in self.tries.value if one.task == task)
        spec = spec_of(chosen.entry.model) if chosen.entry else None
        if chosen.entry is None or spec is None:
            self.desk.go("models")
        else:
            self.desk.make(example_request(chosen.entry.model, spec, task, chosen.prompt), self._follow)

    def stop(self, task: str) -> None:
        """Cancel what the card of *task* shows."""
        job = next(one for one in self.tries.value if one.task == task).job
        if job is not None and self._studio is not None:
            self._studio.queue.cancel(job.id)

    def open(self, made: Made) -> None:
        """Look at it, large, in the gallery."""
        self.desk.open_result(made.result.path)

    def finish_welcome(self) -> None:
        """The first start is over, for good."""
        self.change(welcomed=True)

    def change(self, **changes: Any) -> None:
        """Change settings; one that cannot be saved is said."""
        try:
            self._basis.settings.change(**changes)
        except OSError as error:
            values = {"path": str(error.filename), "reason": str(error.strerror)}
            self.desk.complain(Failure(code="output.unwritable", values=values))
        except StudioError as error:
            self.desk.complain(error.failure)

    # --- what there is --------------------------------------------------------------------------

    def _settings(self) -> None:
        self.welcomed.value = self._basis.settings.value.welcomed or self._complete
        self._look()

    def _look(self) -> None:
        """Models, examples and measurements as they are now."""
        tries: list[Try] = []
        abilities: list[Ability] = []
        for key, task in makers():
            known = self._basis.library.entries(task)
            if not known:
                continue
            default = self._basis.library.default(task)
            tries.append(self._try(key, task, default))
            here = [entry for entry in known if entry.installed is not None and entry.model.status == "ready"]
            rows = sorted(here, key=lambda entry: default is None or entry.model.id != default.model.id)
            abilities += [
                Ability(task=task, key=key, entry=entry, speed=self._speed(entry, task)) for entry in rows
            ]
            if not here:
                abilities.append(Ability(task=task, key=key, entry=None, speed=Speed(task)))
        self.tries.value = tuple(tries)
        self.abilities.value = tuple(abilities)

    def _try(self, key: str, task: str, entry: Entry | None) -> Try:
        if entry is None:
            return Try(task=task, key=key, speed=Speed(task), job=self._job_of(task))
        prompt = example(entry.model, language.current.value)
        speed = self._speed(entry, task)
        return Try(task=task, key=key, entry=entry, prompt=prompt, speed=speed, job=self._job_of(task))

    def _speed(self, entry: Entry, task: str) -> Speed:
        if self._studio is None:
            return Speed(task)
        return speed_of(self._studio, entry, task, example(entry.model, language.current.value))

    def _job_of(self, task: str) -> Job | None:
        """The one that was last started from the card of *task*, while it runs or waits."""
        jobs = self._studio.queue.jobs if self._studio else ()
        return next((j for j in jobs if j.id == self._jobs.get(task) and j.state in _ON_ITS_WAY), None)

    def _follow(self, job: Job) -> None:
        self._jobs[job.request.task] = job.id
        self._job_changed(job)

    def _job_changed(self, job: Job) -> None:
        if job.state.ended:
            self._look()  # one more measurement
            return
        self.tries.value = tuple(
            msgspec.structs.replace(one, job=self._job_of(one.task)) if one.task == job.request.task else one
            for one in self.tries.value
        )

    # --- read off the window's thread -----------------------------------------------------------

    async def _read_machine(self, studio: Studio) -> None:
        self.machine.value = await studio.read_machine()
        self._look()

    def _read_lately(self) -> None:
        """Once more if the gallery changed while it was being read."""
        if self._reading is not None and not self._reading.done():
            self._again = True
            return
        self._reading = self._background.start(self._lately(self.desk.studio))

    async def _lately(self, studio: Studio) -> None:
        import asyncio

        while True:
            self._again = False
            found = await studio.gallery.search(limit=LATELY)
            words = [await asyncio.to_thread(_snippet, r.path) if r.task == "text" else "" for r in found]
            self.lately.value = tuple(
                Made(result=result, words=text) for result, text in zip(found, words, strict=True)
            )
            if not self._again:
                return


def _snippet(path: Path) -> str:
    """The first words of a text file; none when it cannot be read any more."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return " ".join(file.read(4 * SNIPPET).split())[:SNIPPET]
    except OSError:
        return ""
