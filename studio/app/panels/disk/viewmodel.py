"""What Disk knows: what takes how much on which drive, and how what is done with it goes."""

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
from studio.domain.failure import Cancelled, Failure, StudioError
from studio.domain.quantity import size
from studio.domain.text import t
from studio.services.store import carry
from studio.services.store.leftovers import Leftover
from studio.services.store.upkeep import Doing
from studio.services.store.usage import Takes, Usage

log = logging.getLogger(__name__)

Order = Literal["size", "used", "name"]


class RowState(Struct, frozen=True, kw_only=True):
    """One model as its row shows it. `asking`: removing waits for a yes ("remove"), or, where there is no
    trash, deleting for good does ("no_trash"). `needing`: titles of models that do not work without it.
    `targets`: where else it may go.
    """

    takes: Takes
    title: str
    task: str = ""
    doing: Doing | None = None
    asking: Literal["", "remove", "no_trash"] = ""
    needing: tuple[str, ...] = ()
    targets: tuple[Path, ...] = ()

    @property
    def key(self) -> str:
        return str(self.takes.stored.folder)

    @property
    def busy(self) -> bool:
        return self.doing is not None and self.doing.is_going_on


class DiskModel:
    """`rows` by folder; `shown` are their keys in `order`. `usage` is None until the disk was read."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._studio = desk, desk.studio
        self.usage: Property[Usage | None] = Property(None)
        self.rows: dict[str, Property[RowState]] = {}
        self.order: Property[Order] = Property("size")
        self.shown: Property[tuple[str, ...]] = Property(())
        self._tasks: set[asyncio.Future[None]] = set()
        self._reading: asyncio.Future[None] | None = None
        self._stale = False
        studio = self._studio
        self._ends: tuple[Callable[[], None], ...] = (
            studio.library.changed.connect(lambda _: self.read()),
            studio.upkeep.changed.connect(self._moved),
        )
        self.order.connect(lambda _: self._sort())
        self.read()

    def close(self) -> None:
        for end in self._ends:
            end()
        for task in self._tasks:
            task.cancel()

    # --- what the user does ---------------------------------------------------------------------

    def read(self) -> None:
        """Look at the disk anew; once more when something changes meanwhile."""
        if self._reading is not None:
            self._stale = True
            return
        self._reading = self._start(self._read())

    def check(self, key: str) -> None:
        self._do(key, self._studio.upkeep.verify)

    def check_all(self) -> None:
        """One after the other, in the order in which they stand."""
        for key in self.shown.value:
            if not self.rows[key].value.busy:
                self.check(key)

    def repair(self, key: str) -> None:
        self._do(key, self._studio.upkeep.repair)

    def move(self, key: str, root: Path) -> None:
        self._do(key, lambda stored: self._studio.upkeep.move(stored, root), "disk.moved")

    def export(self, key: str, folder: Path) -> None:
        self._do(key, lambda stored: self._studio.upkeep.export(stored, folder), "disk.exported")

    def stop(self, key: str) -> None:
        self._studio.upkeep.stop(Path(key))

    def ask_remove(self, key: str) -> None:
        """Say what removing means, before it is done."""
        needing = {
            title
            for model_id in self.rows[key].value.takes.stored.record.ids
            for title in self._studio.library.needing(model_id)
        }
        self._set(key, asking="remove", needing=tuple(sorted(needing)))

    def keep(self, key: str) -> None:
        self._set(key, asking="")

    def remove(self, key: str, *, for_good: bool = False) -> None:
        self._set(key, asking="")
        words = "disk.removed" if for_good else "disk.trashed"
        self._do(key, lambda stored: self._studio.upkeep.remove(stored, for_good=for_good), words)

    def bring(self, path: Path) -> None:
        """Copy in every model that was exported to *path*."""
        self._start(self._bring(path))

    def add_root(self, folder: Path) -> None:
        """Read this folder too."""
        if folder not in self._studio.library.store.roots:
            self._roots([*self._studio.settings.value.model_roots, str(folder)])

    def forget_root(self, folder: str) -> None:
        """Read this folder no more; nothing in it changes."""
        self._roots([root for root in self._studio.settings.value.model_roots if root != folder])

    def may_forget(self, root: str) -> bool:
        return root in self._studio.settings.value.model_roots

    def free(self, leftovers: tuple[Leftover, ...]) -> None:
        self._start(self._free(leftovers))

    def title_of(self, name: str) -> str:
        """Of a model's id; anything else as it stands."""
        return self._studio.library.title_of(name)

    # --- doing it -------------------------------------------------------------------------------

    def _do(self, key: str, work: Callable[[Any], Coroutine[Any, Any, object]], words: str = "") -> None:
        state = self.rows[key].value
        self._start(self._follow(state, work, words))

    async def _follow(
        self, state: RowState, work: Callable[[Any], Coroutine[Any, Any, object]], words: str
    ) -> None:
        try:
            found = await work(state.takes.stored)
        except Cancelled:
            return
        except StudioError as error:
            if error.failure.code == "disk.no_trash" and state.key in self.rows:
                self._set(state.key, asking="no_trash")
            else:
                self._complain(state.key, error.failure)
        else:
            if words:
                values = {"title": state.title, "size": size(state.takes.bytes), "path": found}
                self._desk.say(t(words, **values))

    def _complain(self, key: str, failure: Failure) -> None:
        if failure.code in ("model.missing_file", "model.hash_mismatch") and key in self.rows:
            self._desk.complain(failure, "disk.repair", lambda: self.repair(key))
        else:
            self._desk.complain(failure)

    async def _bring(self, path: Path) -> None:
        found = await asyncio.to_thread(carry.find, path)
        if not found:
            self._desk.say(t("disk.bring.nothing", name=path.name))
        for each in found:
            title = self._studio.upkeep.title(each)
            self._desk.say(t("disk.bringing", title=title))
            try:
                await self._studio.upkeep.bring(each)
            except StudioError as error:
                self._desk.complain(error.failure)
                return
            self._desk.say(t("disk.brought", title=title))

    async def _free(self, leftovers: tuple[Leftover, ...]) -> None:
        freed = 0
        try:
            for leftover in leftovers:
                freed += await self._studio.upkeep.free(leftover)
        except StudioError as error:
            self._desk.complain(error.failure)
        self._desk.say(t("disk.freed", size=size(freed)))
        self.read()

    def _roots(self, further: list[str]) -> None:
        try:
            self._studio.settings.change(model_roots=tuple(further))
        except OSError as error:
            values = {"path": str(error.filename), "reason": str(error.strerror)}
            self._desk.complain(Failure(code="output.unwritable", values=values))
        self.read()

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Future[None]:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Future[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("something failed on the disk page", exc_info=error)

    # --- what is there --------------------------------------------------------------------------

    async def _read(self) -> None:
        try:
            usage = await self._studio.upkeep.usage()
        except OSError as error:  # a drive that went away in this moment
            path = str(error.filename or "")
            self._desk.complain(Failure(code="disk.away", values={"path": path}, details=str(error)))
            return
        finally:
            self._reading = None
        there = [Path(root) for drive in usage.drives if drive.there for root in drive.roots]
        for gone in self.rows.keys() - {str(takes.stored.folder) for takes in usage.models}:
            del self.rows[gone]
        for takes in usage.models:
            key = str(takes.stored.folder)
            model = self._studio.upkeep.model(takes.stored)
            state = RowState(
                takes=takes,
                title=self._studio.upkeep.title(takes.stored),
                task=model.tasks[0] if model and model.tasks else "",
                doing=self._studio.upkeep.doing.get(key),
                targets=tuple(root for root in there if root != takes.stored.root),
            )
            if key in self.rows:
                self._set(key, takes=takes, title=state.title, doing=state.doing, targets=state.targets)
            else:
                self.rows[key] = Property(state)
        self.usage.value = usage
        self._sort()
        if self._stale:
            self._stale = False
            self.read()

    def _moved(self, doing: Doing) -> None:
        if doing.folder in self.rows:
            self._set(doing.folder, doing=doing)

    def _set(self, key: str, **changes: object) -> None:
        row = self.rows[key]
        row.value = msgspec.structs.replace(row.value, **changes)

    def _sort(self) -> None:
        states = [row.value for row in self.rows.values()]
        match self.order.value:
            case "size":
                states.sort(key=lambda state: -state.takes.bytes)
            case "used":  # what was not used for longest is the first to go
                states.sort(key=lambda state: state.takes.last_used or 0.0)
            case "name":
                states.sort(key=lambda state: state.title.casefold())
        self.shown.value = tuple(state.key for state in states)
