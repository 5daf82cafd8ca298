"""Where the files of a known model lie on this computer, and whether they are as they should be."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from msgspec import Struct

from studio.domain.failure import StudioError
from studio.domain.model import Bundled, Model, ModelFile, Package, choice_of
from studio.services.library.sums import Sums
from studio.services.store.record import Record
from studio.services.store.store import Stored


class Located(Struct, frozen=True, dict=True):
    """`files`: which must be in `folder`, as described. `record` and `root` of those that were fetched."""

    folder: Path
    files: tuple[ModelFile, ...]
    source: str
    record: Record | None = None
    root: Path | None = None

    @cached_property
    def fits(self) -> bool:
        """Is every file there, in its size?"""
        return all(_fits(self.folder, file) for file in self.files)


def locate(model: Model, stored: Sequence[Stored], assets: Path) -> Located | None:
    """Among what comes along (*assets*, packages) and what is *stored*; None when it is nowhere."""
    for source in model.sources:
        if isinstance(source, Bundled):
            folder = assets / "models" / source.path
            if folder.is_dir():
                return Located(folder, model.files, "bundled")
        elif isinstance(source, Package):
            found = _package_folder(source)
            if found:  # its package manager answers for the files
                return Located(found, (), "package")
    wanted = [choice for choice in map(choice_of, model.sources) if choice]
    places = [
        Located(each.folder, each.record.files, each.record.source, each.record, each.root)
        for each in stored
        if model.id in each.record.ids and (not wanted or each.record.choice in ("", *wanted))
    ]
    return next((place for place in places if place.fits), None) or next(iter(places), None)


def check(place: Located, title: str, sums: Sums | None) -> None:
    """Every file's size, and by *sums* its hash. Raises `model.missing_file`, `model.hash_mismatch`."""
    for file in place.files:
        there = place.folder / file.path
        try:
            wrong = file.bytes not in (None, there.stat().st_size) or (
                sums is not None and file.sha256 is not None and sums.sha256(there) != file.sha256
            )
        except OSError as error:
            raise StudioError("model.missing_file", name=title, file=file.path, details=str(error)) from error
        if wrong:
            raise StudioError("model.hash_mismatch", name=title, file=file.path)
    if sums is not None:
        sums.save()


def start(folder: Path) -> Path:
    """What stands for a model that nothing recognizes: its one file, or the folder."""
    found = sorted(file for file in folder.iterdir() if file.suffix in (".gguf", ".safetensors"))
    described = (folder / "model_index.json").is_file() or (folder / "config.json").is_file()
    return folder if described or not found else found[0]


def _package_folder(source: Package) -> Path | None:
    """Found without importing the package."""
    spec = importlib.util.find_spec(source.module)
    for place in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(place) / source.path
        if folder.exists():
            return folder
    return None


def _fits(folder: Path, file: ModelFile) -> bool:
    try:
        return file.bytes in (None, (folder / file.path).stat().st_size)
    except OSError:
        return False
