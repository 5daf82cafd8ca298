"""Looking after the models on the disk: check, repair, move, export, bring in, remove. One thing at a time.

Each works in a thread or in a helper, tells how far it is, and can be stopped at any moment.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Literal, TypeVar

import msgspec
from msgspec import Struct

from studio.domain.failure import Cancelled, Failure, StudioError
from studio.domain.model import Model
from studio.domain.text import localized, t
from studio.services.downloads.messages import Failed, Fetch, Paused
from studio.services.downloads.process import fetch_in_helper
from studio.services.event import Event
from studio.services.library.library import Library
from studio.services.store import carry, leftovers, usage
from studio.services.store.errand import Errand, in_thread
from studio.services.store.leftovers import Leftover
from studio.services.store.move import move
from studio.services.store.repair import pinned
from studio.services.store.settle import settle
from studio.services.store.store import Stored
from studio.services.store.trash import remove
from studio.services.store.usage import Usage
from studio.services.store.verify import Report, verify

T = TypeVar("T")
Kind = Literal["verify", "repair", "move", "export", "bring", "remove"]
State = Literal["waiting", "running", "done", "failed", "cancelled"]
Tell = Callable[[int, int], None]


class Doing(Struct, frozen=True, kw_only=True):
    """A snapshot of what is done with the folder `folder`. Bytes; `total` 0 while unknown.

    `report`: what the last check found, kept until the folder changes.
    """

    folder: str
    kind: Kind
    state: State
    done: int = 0
    total: int = 0
    failure: Failure | None = None
    report: Report | None = None
    ended: float = 0.0

    @property
    def is_going_on(self) -> bool:
        return self.state in ("waiting", "running")


class Upkeep:
    """Used from one asyncio loop. `doing`: by folder, what goes on and how the last thing went.

    *order* makes what tells a helper to fetch a model whose licence was accepted then. *in_use* tells of a
    model's id whether a job needs it now, *last_used* when one last did.
    """

    def __init__(
        self,
        library: Library,
        *,
        order: Callable[[Model, float], Awaitable[Fetch]],
        offline: Callable[[], bool] = lambda: False,
        in_use: Callable[[str], bool] = lambda _: False,
        last_used: Callable[[str], float | None] = lambda _: None,
    ) -> None:
        self.doing: dict[str, Doing] = {}
        self.changed: Event[Doing] = Event()
        self._library = library
        self._order, self._offline = order, offline
        self._in_use, self._last_used = in_use, last_used
        self._disk = asyncio.Lock()  # two at once would only be slower
        self._tasks: dict[str, asyncio.Task[object]] = {}

    # --- what is there ----------------------------------------------------------------------

    async def usage(self) -> Usage:
        """What takes how much, read anew."""
        return await asyncio.to_thread(usage.usage, self._library.store, self._last_used)

    async def settle(self) -> None:
        """Finish what an earlier end left undone; once, before anything uses the models."""
        if await asyncio.to_thread(settle, self._library.store):
            self._library.changed.emit(None)

    async def remember(self) -> None:
        """Note what each drive holds, for when it is not there."""
        await asyncio.to_thread(self._library.store.remember)

    def title(self, stored: Stored) -> str:
        """In the current language."""
        model = self.model(stored)
        return localized(model.title) if model else ", ".join(stored.record.ids)

    def needs(self, stored: Stored) -> tuple[str, ...]:
        """Ids of the models that it does not run without."""
        return getattr(self.model(stored), "needs", ())

    def model(self, stored: Stored) -> Model | None:
        """What is known of it; None for what nobody described."""
        listed = filter(None, map(self._library.known, stored.record.ids))
        return next(listed, None) or stored.record.described()

    # --- what can be done -------------------------------------------------------------------

    async def verify(self, stored: Stored) -> Report:
        """Read every file of it. Raises StudioError `model.busy` while something else is done with it."""
        return await self._do(stored.folder, "verify", lambda tell: self._verify(stored, tell))

    async def repair(self, stored: Stored) -> None:
        """Fetch what is wrong of it once more. Raises StudioError as a download does, `model.unfetchable`."""
        await self._do(stored.folder, "repair", lambda tell: self._repair(stored, tell))

    async def move(self, stored: Stored, root: Path) -> Path:
        """Raises StudioError as `move.move`."""
        title = self.title(stored)

        def work(errand: Errand) -> Path:
            return move(stored, root, title, errand)

        return await self._do(stored.folder, "move", lambda tell: in_thread(work, tell), self._free(stored))

    async def export(self, stored: Stored, folder: Path) -> Path:
        """Raises StudioError as `carry.export`."""
        model = self.model(stored)
        titles = model.title if model else {}
        needs = tuple(map(self._library.title_of, self.needs(stored)))

        def work(errand: Errand) -> Path:
            return carry.export(stored, folder, titles, needs, errand)

        return await self._do(stored.folder, "export", lambda tell: in_thread(work, tell))

    async def bring(self, found: Stored) -> Path:
        """Copy in what `carry.find` found. Raises StudioError as `carry.bring`."""
        title = self.title(found)

        def work(errand: Errand) -> Path:
            return carry.bring(found, self._library.store, self._library.known, title, errand)

        return await self._do(found.folder, "bring", lambda tell: in_thread(work, tell))

    async def remove(self, stored: Stored, *, for_good: bool = False) -> None:
        """To the trash, or for good. Raises StudioError as `trash.remove`."""
        title = self.title(stored)

        def work(errand: Errand) -> None:
            del errand
            remove(stored, title, for_good=for_good)

        await self._do(stored.folder, "remove", lambda tell: in_thread(work, tell), self._free(stored))

    async def remove_model(self, model_id: str, *, for_good: bool = False) -> None:
        """Every version of it. Raises StudioError as `remove`, and `param.invalid` for what comes along."""
        entry = self._library.entry(model_id)
        title = localized(entry.model.title)
        if entry.installed and not entry.installed.removable:
            raise StudioError("param.invalid", name=title, reason=t("models.built_in"))
        stored = self._library.store.of(model_id)
        if not stored:
            raise StudioError("model.missing", name=title)
        for each in stored:
            await self.remove(each, for_good=for_good)

    async def free(self, leftover: Leftover) -> int:
        """Delete it; the bytes that became free. Raises StudioError."""
        return await asyncio.to_thread(leftovers.free, leftover)

    def stop(self, folder: Path) -> None:
        """End what goes on with it; nothing is half done afterwards. Harmless when nothing does."""
        if task := self._tasks.get(str(folder)):
            task.cancel()

    async def close(self) -> None:
        """Stop everything and wait until it has ended."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- how ----------------------------------------------------------------------------------

    async def _do(
        self,
        folder: Path,
        kind: Kind,
        work: Callable[[Tell], Awaitable[T]],
        allowed: Callable[[], None] = lambda: None,
    ) -> T:
        """One thing in a task of its own, so that `stop` ends it and not who waits for it."""
        key = str(folder)
        if key in self._tasks:
            raise StudioError("model.busy", name=folder.name)
        allowed()
        before = self.doing.get(key)
        report = before.report if before and kind != "verify" else None
        self._set(Doing(folder=key, kind=kind, state="waiting", report=report))
        task = asyncio.ensure_future(self._run(key, work, allowed))
        self._tasks[key] = task
        task.add_done_callback(lambda task: self._ended(key, task))
        try:
            return await task
        except asyncio.CancelledError:
            if not task.cancelled():  # who waits was cancelled, and with it the work
                task.cancel()
                await asyncio.wait([task])
                raise
            raise Cancelled from None

    async def _run(self, key: str, work: Callable[[Tell], Awaitable[T]], allowed: Callable[[], None]) -> T:
        async with self._disk:
            allowed()
            self._set(msgspec.structs.replace(self.doing[key], state="running"))
            return await work(lambda done, total: self._told(key, done, total))

    async def _verify(self, stored: Stored, tell: Tell) -> Report:
        files = stored.record.files
        report = await in_thread(lambda errand: verify(stored.folder, files, errand), tell)
        hashes = {file.path: file.sha256 for file in files}
        sums = self._library.sums
        for file in report.files:
            if file.state in ("right", "changed"):
                sums.learn(stored.folder / file.path, hashes[file.path] if file.state == "right" else None)
        await asyncio.to_thread(sums.save)
        return report

    async def _repair(self, stored: Stored, tell: Tell) -> None:
        title, record = self.title(stored), stored.record
        if self._offline():
            raise StudioError("download.offline", name=title)
        model = self.model(stored)
        if model is None:
            raise StudioError("model.unfetchable", name=title)
        order = msgspec.structs.replace(
            await self._order(pinned(model, record, title), record.licence.date),
            folder=str(stored.root),
            licence_text=record.licence.text,
            broken=str(stored.folder),
        )
        try:
            word = await fetch_in_helper(order, lambda news: tell(news.done, news.total))
        except OSError as error:
            raise StudioError("internal", reason=str(error)) from error
        if isinstance(word, Paused):  # by another process
            raise Cancelled
        if isinstance(word, Failed):
            raise StudioError.of(word.failure)

    def _free(self, stored: Stored) -> Callable[[], None]:
        def check() -> None:
            if any(map(self._in_use, stored.record.ids)):
                raise StudioError("model.busy", name=self.title(stored))

        return check

    def _told(self, key: str, done: int, total: int) -> None:
        if key in self._tasks and self.doing[key].state == "running":
            self._set(msgspec.structs.replace(self.doing[key], done=done, total=total))

    def _ended(self, key: str, task: asyncio.Task[T]) -> None:
        del self._tasks[key]
        last = self.doing[key]
        state, failure, report = "done", None, last.report
        if task.cancelled():
            state = "cancelled"
        elif (error := task.exception()) is not None:
            state = "failed"
            failure = error.failure if isinstance(error, StudioError) else _internal(error)
        elif last.kind in ("verify", "repair"):
            found = task.result()
            report = found if isinstance(found, Report) else None
        if state == "done" and last.kind in ("move", "remove"):
            del self.doing[key]  # there is no such folder any more
        ended = msgspec.structs.replace(last, state=state, failure=failure, report=report, ended=time.time())
        self._set(ended, kept=key in self.doing)
        if last.kind not in ("verify", "export"):
            self._library.changed.emit(None)

    def _set(self, doing: Doing, *, kept: bool = True) -> None:
        if kept:
            self.doing[doing.folder] = doing
        self.changed.emit(doing)


def _internal(error: BaseException) -> Failure:
    return Failure(code="internal", values={"reason": str(error)}, details=type(error).__name__)
