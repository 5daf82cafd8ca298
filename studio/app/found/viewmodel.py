"""What is known of files that were found: which are in the list already, which are alike."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from pathlib import Path
from typing import Any

from studio.app.desk import Desk
from studio.app.observable import Property
from studio.domain.failure import Failure, StudioError
from studio.domain.finding import Finding
from studio.domain.text import localized, t
from studio.families.registry import families
from studio.services.scan.places import Spot, defaults, spot_of
from studio.services.scan.scan import Scan, Seen, duplicates, scan

log = logging.getLogger(__name__)


class FoundModels:
    """`used`: paths in the list. `refused`: by path, why the last try to use it failed.

    `looking`: how many were found so far while it looks, else None. `scan`: what was found, None before.
    `copies`: by path, where the same file lies as well.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk, self._library = desk, desk.studio.library
        self.used: Property[frozenset[str]] = Property(self._own())
        self.refused: Property[dict[str, Failure]] = Property({})
        self.looking: Property[int | None] = Property(None)
        self.comparing: Property[bool] = Property(False)
        self.scan: Property[Scan | None] = Property(None)
        self.copies: Property[dict[str, tuple[str, ...]]] = Property({})
        self._tasks: set[asyncio.Future[None]] = set()
        self._stopped = False
        self._end = self._library.changed.connect(self._list_changed)

    def close(self) -> None:
        """Stop whatever is being looked at."""
        self._stopped = True
        self._end()

    def _list_changed(self, _: None) -> None:
        self.used.value = self._own()

    def _own(self) -> frozenset[str]:
        return frozenset(entry.model.id for entry in self._library.own())

    # --- what the user does ---------------------------------------------------------------------

    def use(self, seen: Seen, family: str = "", rest: Path | None = None) -> None:
        """Take it into the list where it lies. See `Library.add`."""
        self._start(self._use(seen, family, rest))

    def use_all(self, found: Iterable[Seen]) -> None:
        """Every one of *found* that can be used and is not yet."""
        usable = [seen for seen in found if seen.finding.runnable]
        self._start(self._use_all([seen for seen in usable if seen.finding.path not in self.used.value]))

    def look(self, folder: Path | None = None) -> None:
        """Look through *folder*, or through every usual place."""
        if self.looking.value is None:
            self.looking.value = 0
            self._start(self._look([spot_of(folder)] if folder else None))

    def compare(self) -> None:
        """Find files that lie in several places; this reads those of equal sizes."""
        if not self.comparing.value:
            self.comparing.value = True
            self._start(self._compare())

    # --- and what comes of it -------------------------------------------------------------------

    async def _use(self, seen: Seen, family: str, rest: Path | None) -> None:
        path = seen.finding.path
        try:
            entry = await self._library.add(Path(path), family, rest, seen.title)
        except StudioError as error:
            self.refused.value = {**self.refused.value, path: error.failure}
            return
        self.refused.value = {known: why for known, why in self.refused.value.items() if known != path}
        self._desk.say(t("models.added", title=localized(entry.model.title)))

    async def _use_all(self, usable: list[Seen]) -> None:
        for seen in usable:
            await self._use(seen, "", None)

    async def _look(self, spots: list[Spot] | None) -> None:
        loop = asyncio.get_running_loop()
        self.copies.value = {}

        def progress(count: int, _path: Path) -> None:
            if not self._stopped:
                loop.call_soon_threadsafe(self._tell, count)

        def work() -> Scan:
            return scan(spots or defaults(), progress=progress, stopped=lambda: self._stopped)

        try:
            self.scan.value = await asyncio.to_thread(work)
        finally:
            self.looking.value = None

    def _tell(self, count: int) -> None:
        if self.looking.value is not None:
            self.looking.value = count

    async def _compare(self) -> None:
        found = self.scan.value.found if self.scan.value else ()
        try:
            same = await asyncio.to_thread(duplicates, found, lambda: self._stopped)
        except OSError as error:
            values = {"path": str(error.filename or ""), "reason": error.strerror or ""}
            self._desk.complain(Failure(code="output.unwritable", values=values))
            return
        finally:
            self.comparing.value = False
        self.copies.value = {
            one.finding.path: tuple(other.finding.path for other in copies if other is not one)
            for copies in same
            for one in copies
        }

    def _start(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Future[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("looking for models failed", exc_info=error)


def treatments(finding: Finding) -> list[tuple[str, str]]:
    """The families that load files that lie like these: names and titles."""
    return [
        (spec.name, t(spec.title_key))
        for spec in families().values()
        if any(layout.kind == finding.container for layout in spec.layouts)
    ]
