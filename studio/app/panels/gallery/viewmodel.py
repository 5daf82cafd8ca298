"""What the gallery knows: what was asked for, what was found, what is chosen and what is open. No widgets."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from studio.app.background import Background
from studio.app.desk import Desk
from studio.app.observable import Computed, Property
from studio.domain.failure import Failure, StudioError
from studio.domain.licence_words import verdict
from studio.domain.parameter import Choice, Parameter, Size
from studio.domain.quantity import size
from studio.domain.text import localized, t
from studio.families.registry import families
from studio.services.gallery import ALL, Result
from studio.services.licences import terms_of

log = logging.getLogger(__name__)

KINDS = ("image", "speech", "music", "text")


class GalleryModel:
    """`words` and `kind` (one of `KINDS`, None for all) say what to look for.

    `results`: what was found, the newest first, None before the first answer; `total`: how many there
    are of all kinds; `trashed`: how many lie in the trash. `selected` in the order of the list;
    `opened`: the one that is shown large.
    """

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._studio = desk.studio
        self._gallery = desk.studio.gallery
        self.words: Property[str] = Property("")
        self.kind: Property[str | None] = Property(None)
        self.results: Property[tuple[Result, ...] | None] = Property(None)
        self.total: Property[int] = Property(0)
        self.trashed: Property[int] = Property(0)
        self.selected: Property[tuple[Result, ...]] = Property(())
        self.opened: Property[Result | None] = Property(None)
        self.empty = Computed(
            lambda results, total: results is not None and not total, self.results, self.total
        )
        self._last_deleted: list[int] = []
        self._background = Background("the gallery", self._failed)
        self._reading: asyncio.Future[Any] | None = None
        self._wanted: Path | None = None
        self._end = self._gallery.changed.connect(lambda _: self.refresh())
        self.words.connect(lambda _: self.refresh())
        self.kind.connect(lambda _: self.refresh())
        self.refresh()

    def close(self) -> None:
        self._end()
        self._background.close()

    # --- looking ---------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Look again; what was being looked up before is not waited for."""
        if self._reading is not None:
            self._reading.cancel()
        self._reading = self._background.start(self._read())

    def select(self, results: Sequence[Result]) -> None:
        self.selected.value = tuple(results)

    def open(self, result: Result | None) -> None:
        """Show *result* large; None goes back to the list."""
        self.opened.value = result
        if result is not None:
            self.selected.value = (result,)

    def open_path(self, path: Path) -> None:
        """Show the result *path* large, as soon as it is in the index."""
        self._wanted = path
        if self.words.value or self.kind.value:
            self.words.value, self.kind.value = "", None
        self._open_wanted()

    def browse(self, by: int) -> None:
        """Open the next (1) or the previous (-1) one."""
        results, opened = self.results.value or (), self.opened.value
        ids = [result.id for result in results]
        if opened is not None and opened.id in ids:
            place = ids.index(opened.id) + by
            if 0 <= place < len(results):
                self.open(results[place])

    def model_title(self, result: Result) -> str:
        """The model's name for people; "" for a file that tells none."""
        if not result.model:
            return ""
        try:
            return localized(self._studio.library.entry(result.model).model.title)
        except StudioError:
            return Path(result.model).name

    def facts(self, result: Result) -> list[tuple[str, str]]:
        """(name, value) of all that is known of how it was made, in words."""
        facts = [(t("gallery.fact.model"), self.model_title(result))]
        if result.width and result.height:
            facts.append((t("parameter.size"), f"{result.width} × {result.height}"))
        facts += self._settings(result)
        facts.append((t("gallery.fact.terms"), self._terms(result)))
        facts.append((t("gallery.fact.file"), f"{result.path.name}  •  {size(result.bytes)}"))
        return [(name, value) for name, value in facts if value]

    def _terms(self, result: Result) -> str:
        """May it be sold, and what has to be heeded: as the licences stand that are known here."""
        library = self._studio.library
        model = library.known(result.request.model) if result.request else None
        return verdict(terms_of(library.together(model))) if model is not None else ""

    def _settings(self, result: Result) -> list[tuple[str, str]]:
        request = result.request
        spec = families().get(request.family) if request else None
        if request is None or spec is None:
            return [] if result.seed is None else [(t("parameter.seed"), str(result.seed))]
        shown: list[tuple[str, str]] = []
        for parameter in spec.parameters:
            value = request.values.get(parameter.name)
            said = parameter.name == "prompt" or isinstance(parameter, Size)
            if not (parameter.hidden or said or value in (None, "")):
                shown.append((t(parameter.label_key), _words(parameter, value)))
        return shown

    async def _read(self) -> None:
        words, kind = self.words.value, self.kind.value
        found = await self._gallery.search(words, *([kind] if kind else ()), limit=ALL)
        self.total.value = len(found) if not words and kind is None else await self._gallery.count()
        self.trashed.value = await self._gallery.trashed()
        self.results.value = tuple(found)
        known = {result.id: result for result in found}
        self.selected.value = tuple(known[each.id] for each in self.selected.value if each.id in known)
        opened = self.opened.value
        if opened is not None and opened.id not in known:
            self.opened.value = None
        self._open_wanted()

    def _open_wanted(self) -> None:
        found = next((each for each in self.results.value or () if each.path == self._wanted), None)
        if found is not None:
            self._wanted = None
            self.open(found)

    # --- doing ------------------------------------------------------------------------------------

    def use_again(self) -> None:
        """The first chosen result's settings, in the panel that made it."""
        request = next((each.request for each in self.selected.value if each.request), None)
        if request is not None:
            self.desk.use_again(request)
        elif self.selected.value:
            self.desk.say(t("frame.nothing_inside", name=self.selected.value[0].path.name))

    def delete(self) -> None:
        """Move the chosen results to the trash, and offer to bring them back."""
        if self.selected.value:
            self._background.start(self._delete(self.selected.value))

    def undo_delete(self) -> None:
        """Bring back what was deleted last."""
        if self._last_deleted:
            ids, self._last_deleted = self._last_deleted, []
            self.desk.unsay(self.undo_delete)
            self._background.start(self._gallery.undo(ids))

    def empty_trash(self) -> None:
        self._background.start(self._empty_trash())

    def rescan(self) -> None:
        """Look at the folder itself, for files that came or went behind the studio's back."""
        self._background.start(self._rescan())

    async def _delete(self, results: Sequence[Result]) -> None:
        following = self._after(results)
        ids = await self._gallery.delete(results)
        if self.opened.value in results:
            self.open(following)
        if ids:
            self._last_deleted = ids
            key = "gallery.deleted.one" if len(ids) == 1 else "gallery.deleted"
            self.desk.say(t(key, count=len(ids)), "recent.undo", self.undo_delete)

    def _after(self, results: Sequence[Result]) -> Result | None:
        """What is looked at once *results* are gone: the next one, else the one before."""
        gone = {each.id for each in results}
        listed = self.results.value or ()
        last = max((place for place, each in enumerate(listed) if each.id in gone), default=-1)
        rest = [*listed[last + 1 :], *reversed(listed[: max(last, 0)])]
        return next((each for each in rest if each.id not in gone), None)

    async def _empty_trash(self) -> None:
        count = await self._gallery.empty_trash()
        self.desk.say(t("gallery.emptied", count=count))

    async def _rescan(self) -> None:
        added, removed = await self._gallery.reconcile()
        self.desk.say(t("gallery.rescanned", added=added, removed=removed))

    def _failed(self, error: BaseException) -> None:
        if isinstance(error, StudioError):
            self.desk.complain(error.failure)
        elif isinstance(error, OSError):
            values = {"path": str(error.filename or ""), "reason": error.strerror or str(error)}
            self.desk.complain(Failure(code="output.unwritable", values=values, details=repr(error)))
        else:
            log.error("the gallery could not do what was asked", exc_info=error)
            self.desk.complain(Failure(code="internal", values={"reason": str(error)}, details=repr(error)))


def _words(parameter: Parameter, value: Any) -> str:
    try:
        checked = parameter.check(value)
    except StudioError:  # a file may claim anything
        return str(value)
    return parameter.title(checked) if isinstance(parameter, Choice) else parameter.format(checked)
