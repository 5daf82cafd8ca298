"""The models that are known and those that are here.

What the manifest lists is offered; what is bundled, lies in an installed package or was fetched is
here, and so is what the user added of their own. Any path stands for a model as well. Nothing of a
model is loaded or imported.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from msgspec import Struct

from studio.domain.failure import StudioError
from studio.domain.family import FamilySpec
from studio.domain.licence import in_short
from studio.domain.model import Model, ModelFile, ModelSource
from studio.domain.scripts import foreign_language, scripts_of
from studio.domain.text import localized
from studio.families.registry import families, family
from studio.services.event import Event
from studio.services.library.located import check, locate, start
from studio.services.library.manifest import STARTERS, read_manifest
from studio.services.library.ordered import Ordered, OrderedModels
from studio.services.library.own import OwnModels, model_of
from studio.services.library.sums import Sums
from studio.services.licences import terms_of
from studio.services.paths import ASSETS, MANIFEST
from studio.services.store.store import Store, Stored

if TYPE_CHECKING:
    from studio.services.library.recognize import Found

log = logging.getLogger(__name__)

Kept = TypeVar("Kept")


class Installed(Struct, frozen=True, kw_only=True):
    """Where a model lies. `source`: "bundled", "package", "family" (it needs no file), "own" (the user's
    own files), or what it was fetched from. `root`: the folder of models that a fetched one is in.
    `installed`: POSIX seconds. Only fetched ones are `removable`.
    """

    path: str
    bytes: int
    source: str
    root: str = ""
    commit: str = ""
    installed: float | None = None
    removable: bool = False


class Entry(Struct, frozen=True):
    model: Model
    installed: Installed | None


class Resolved(Struct, frozen=True):
    """What a request needs of a model."""

    spec: FamilySpec
    model: Model
    source: ModelSource


class Library:
    """`store` holds the fetched models: in *folder*, where new ones go, and in the folders *more*.

    *memory* is the file that remembers what each of these folders held.
    """

    def __init__(
        self,
        folder: Path,
        *,
        more: Sequence[Path] = (),
        memory: Path | None = None,
        manifest: Path = MANIFEST,
        assets: Path = ASSETS,
    ) -> None:
        self.store = Store([folder, *more], memory)
        self.changed: Event[None] = Event()
        self.manifest, self._assets = manifest, assets
        self._own = OwnModels(folder / ".own.json")
        self._ordered = OrderedModels(folder / ".ordered.json")
        self.sums = Sums(folder / ".sums.json")
        self._seen = self._fetched()

    @property
    def folder(self) -> Path:
        """Where new models go."""
        return self.store.roots[0]

    @cached_property
    def _models(self) -> dict[str, Model]:
        """Read when first asked for: the first picture of a first start needs the starters alone."""
        own = [model for spec in families().values() for model in spec.models]
        known = [*read_manifest(self.manifest).values(), *own]
        return {model.id: model for model in sorted(known, key=lambda model: (model.order, model.id))}

    @cached_property
    def _starters(self) -> list[Model]:
        return list(read_manifest(self.manifest / STARTERS).values())

    # --- what there is ----------------------------------------------------------------------

    def entries(self, task: str | None = None) -> list[Entry]:
        """Every known model, or those for *task*, those to offer first coming first, the user's own last."""
        stored = self.store.stored()
        listed = [
            Entry(model, self._installed(model, stored))
            for model in (*self._listed().values(), *self._brought(stored).values())
            if task is None or task in model.tasks
        ]
        return listed + [entry for entry in self.own() if task is None or task in entry.model.tasks]

    def own(self) -> list[Entry]:
        """The models that the user added; those that are not there now are not installed."""
        return [Entry(model, _there(model)) for model in self._own.models().values()]

    def entry(self, model_id: str) -> Entry:
        """Raises StudioError `model.missing` for an id that nobody knows."""
        stored = self.store.stored()
        model = self.known(model_id) or self._brought(stored).get(model_id)
        if model is not None:
            return Entry(model, self._installed(model, stored))
        for entry in self.own():
            if entry.model.id == model_id:
                return entry
        raise StudioError("model.missing", name=model_id)

    def known(self, model_id: str) -> Model | None:
        """What the manifest, a family or an order says of a model, wherever it is; None where they do not."""
        return self._listed().get(model_id)

    def every(self) -> list[Model]:
        """All models of the manifest and the families."""
        return list(self._models.values())

    def listed(self, model_id: str) -> Model | None:
        """As the manifest has it, whatever was ordered."""
        return self._models.get(model_id)

    def ordered(self, model_id: str) -> Ordered | None:
        """What was ordered under that id, if anything."""
        return self._ordered.known.get(model_id)

    def together(self, model: Model) -> list[Model]:
        """*model* and all that it needs."""
        return [model, *(found for needed in model.needs if (found := self.known(needed)) is not None)]

    def _listed(self) -> dict[str, Model]:
        return self._models | {key: each.model for key, each in self._ordered.known.items()}

    def starters(self) -> list[Entry]:
        """What a new user gets without choosing."""
        stored = self.store.stored()
        return [Entry(model, self._installed(model, stored)) for model in self._starters]

    def default(self, task: str) -> Entry | None:
        """The model to use for *task* when none was chosen: here, ready, and free of special terms.

        Where there is none, one of the user's own.
        """
        for entry in self.entries(task):
            if entry.installed and entry.model.status == "ready" and entry.model.licence.free:
                return entry
        return next((e for e in self.own() if e.installed and task in e.model.tasks), None)

    def able(self, task: str, text: str) -> list[str]:
        """Titles of the models for *task* that say they know the language of *text*, here or not."""
        return [
            localized(entry.model.title)
            for entry in self.entries(task)
            if entry.model.languages and not foreign_language(text, scripts_of(entry.model.languages))
        ]

    def catch_up(self) -> None:
        """Tell if another process, such as a terminal, fetched or removed a model. Raises OSError."""
        before, self._seen = self._seen, self._fetched()
        if self._seen != before:
            self.changed.emit(None)

    def use(self, more: Sequence[Path]) -> None:
        """Read these folders too, besides the one for new models."""
        if self.store.use([self.folder, *more]):
            self._seen = self._fetched()
            self.changed.emit(None)

    def folder_of(self, model_id: str) -> Path:
        """Where a fetched model lies. Raises StudioError `model.missing`."""
        entry = self.entry(model_id)
        place = locate(entry.model, self.store.stored(), self._assets)
        if place is None or place.record is None:
            raise StudioError("model.missing", name=localized(entry.model.title))
        return place.folder

    def title_of(self, model_id: str) -> str:
        """In the current language; the id of one that nobody knows."""
        try:
            return localized(self.entry(model_id).model.title)
        except StudioError:
            return model_id

    def needs(self, model_id: str) -> tuple[str, ...]:
        """Ids of the models that a listed one does not work without."""
        return getattr(self.known(model_id), "needs", ())

    def needing(self, model_id: str) -> list[str]:
        """Titles of the models here that do not work without *model_id*."""
        return [
            localized(entry.model.title)
            for entry in self.entries()
            if entry.installed and model_id in self.needs(entry.model.id)
        ]

    def files_of(self, model_id: str) -> tuple[Path, tuple[ModelFile, ...]]:
        """The folder of a model that is here, and what must be in it. Raises StudioError `model.missing`."""
        entry = self.entry(model_id)
        place = locate(entry.model, self.store.stored(), self._assets)
        if place is None:
            raise StudioError("model.missing", name=localized(entry.model.title))
        return place.folder, place.files

    # --- what a request gets ----------------------------------------------------------------

    def resolve(self, id_or_path: str, *, verify: bool = True) -> Resolved:
        """The family and the files for a library id or a path. Checks that they are whole.

        A file whose size or time changed since it was last looked at is read and hashed again, which
        may take long: call it in a thread, or with *verify* false to have only the sizes checked.
        Raises StudioError `model.missing`, `model.missing_file`, `model.hash_mismatch`,
        `model.unrecognized`, `model.unsafe`.
        """
        stored = self.store.stored()
        model = self.known(id_or_path) or self._brought(stored).get(id_or_path)
        if model is None:
            return self._resolve_path(id_or_path)
        spec = family(model.family)
        title = localized(model.title)
        from studio.services.library.recognize import recognize  # not for the window's first picture

        path, rest, size = "", "", 0
        place = locate(model, stored, self._assets)
        if place is None and model.sources:
            raise StudioError("model.missing", name=title)
        if place is not None:
            check(place, title, self.sums if verify else None)
            path = str(place.folder)
            ordered = self.ordered(model.id)
            if ordered is not None and ordered.treated:
                path = str(start(place.folder))
            elif spec.layouts:
                found = recognize(place.folder, title, [spec])
                path, rest = str(found.path), self._rest_of(found, "")
            size = sum(file.bytes or 0 for file in place.files) or model.bytes or 0
        source = ModelSource(
            id=model.id,
            family=spec.name,
            path=path,
            bytes=size,
            title=title,
            languages=model.languages,
            terms=in_short(terms_of(self.together(model))),
            rest=rest,
        )
        return Resolved(spec, model, source)

    def _resolve_path(self, text: str) -> Resolved:
        path = Path(text).expanduser()
        if not text or not path.exists():
            raise StudioError("model.missing", name=text)
        from studio.services.library.recognize import recognize

        own = self._own.known(str(path.absolute()))
        treat = [family(own.family)] if own is not None and own.treated else None
        found = recognize(path, specs=treat, treat=treat is not None)
        model = self._own.models().get(str(found.path)) or model_of(found)
        source = ModelSource(
            id=model.id,
            family=model.family,
            path=model.id,
            bytes=model.bytes or 0,
            title=localized(model.title),
            terms=in_short(terms_of([model])),
            rest=self._rest_of(found, own.rest if own is not None else ""),
        )
        return Resolved(found.spec, model, source)

    def _rest_of(self, found: Found, chosen: str) -> str:
        """The folder that has what *found* needs: the one that was *chosen*, else any of the family's here.

        Raises StudioError `model.missing_file`.
        """
        if not found.needs:
            return ""
        here = [
            entry.installed.path
            for entry in self.entries()
            if entry.installed is not None and entry.model.family == found.spec.name
        ]
        for folder in [chosen] if chosen else here:
            if all((Path(folder) / part).is_dir() for part in found.needs):
                return folder
        raise StudioError("model.missing_file", name=found.path.name, file=found.needs[0])

    # --- changes ----------------------------------------------------------------------------

    async def add(self, path: Path, family: str = "", rest: Path | None = None, title: str = "") -> Entry:
        """Take the user's own folder or file *path* into the list; nothing is copied or changed.

        *family*: what to treat it as, whatever it says of itself. *rest*: the folder that has what a file of
        its kind lacks, absolute; where none is given, one of the same family is looked for in the list.
        *title*: what to call it, if not by its file's name.

        Raises StudioError as `resolve`, and `output.unwritable` when the list cannot be kept.
        """
        found = await _in_thread(lambda: _found(path, family))
        chosen = str(rest) if rest else ""
        self._rest_of(found, chosen)
        return self.entry(await self._keep(lambda: self._own.add(found, chosen, title)))

    async def forget(self, model_id: str) -> None:
        """Take one of the user's own out of the list; its files stay. Raises StudioError."""
        await self._keep(lambda: self._own.forget(model_id))

    async def order(self, ordered: Ordered) -> Entry:
        """Take a model into the list that is to be fetched. Raises StudioError `output.unwritable`."""
        await self._keep(lambda: self._ordered.add(ordered))
        return self.entry(ordered.model.id)

    async def withdraw(self, model_id: str) -> None:
        """Forget what was ordered; a listed model is again as the manifest has it. Raises StudioError."""
        await self._keep(lambda: self._ordered.forget(model_id))

    async def _keep(self, change: Callable[[], Kept]) -> Kept:
        try:
            return await _in_thread(change)
        except OSError as error:
            raise StudioError(
                "output.unwritable", path=str(self.folder), reason=error.strerror or ""
            ) from error
        finally:
            self.changed.emit(None)

    # --- where things are -------------------------------------------------------------------

    def _fetched(self) -> frozenset[Path]:
        """The folders of the fetched models; each appears and goes in one moment."""
        return frozenset(stored.folder for stored in self.store.stored())

    def _brought(self, stored: Sequence[Stored]) -> dict[str, Model]:
        """Models by id that only their record knows: not from this version's list."""
        found: dict[str, Model] = {}
        known = self._listed()
        for each in stored:
            if not any(model_id in known for model_id in each.record.ids):
                model = each.record.described()
                if model is not None and model.family in families():
                    found.setdefault(model.id, model)
        return found

    def _installed(self, model: Model, stored: Sequence[Stored]) -> Installed | None:
        place = locate(model, stored, self._assets)
        if place is None and not model.sources:
            return Installed(path="", bytes=0, source="family") if model.status == "ready" else None
        if place is None or not place.fits:
            return None
        record = place.record
        return Installed(
            path=str(place.folder),
            bytes=record.bytes if record else model.bytes or 0,
            source=place.source,
            root=str(place.root) if place.root else "",
            commit=record.commit if record else "",
            installed=record.installed if record else None,
            removable=record is not None,
        )


def _found(path: Path, name: str) -> Found:
    from studio.services.library.recognize import recognize

    return recognize(path, specs=[family(name)], treat=True) if name else recognize(path)


def _there(model: Model) -> Installed | None:
    if not Path(model.id).exists():
        return None
    return Installed(path=model.id, bytes=model.bytes or 0, source="own")


async def _in_thread(work: Callable[..., Kept], *arguments: Path) -> Kept:
    import asyncio  # the window's first picture needs the library and no loop

    return await asyncio.to_thread(work, *arguments)
