"""Models carried from one computer to another in a folder or on a stick, every byte checked on the way.

What is exported is a root of its own: `<name>/<owner>--<name>/<revision>/` with a note for people beside it.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from studio.domain.failure import StudioError
from studio.domain.model import Model
from studio.domain.text import LANGUAGES, catalogue
from studio.services.downloads.names import UnsafeNameError, all_safe
from studio.services.store import publish, room
from studio.services.store.copying import copy
from studio.services.store.errand import Errand
from studio.services.store.layout import is_place
from studio.services.store.record import NAME, Record, read_record, write_record
from studio.services.store.store import Store, Stored
from studio.wire import files

_STICK_RESERVE = 16 * 2**20
_DEPTH = 3


def export(
    stored: Stored, folder: Path, titles: dict[str, str], needs: tuple[str, ...], errand: Errand
) -> Path:
    """Copy the model into a folder of its own in *folder*, which is there; returns it.

    *titles* by language; *needs*: titles of other models that it does not run without.
    Raises StudioError `param.invalid` when it is there already, `disk.full`, `disk.file_limit`,
    `model.missing_file`, `model.hash_mismatch`, `output.unwritable`, and Cancelled; nothing is left then.
    """
    record = stored.record
    target = folder / name_of(record)
    title = titles.get("en", record.place)
    with room.told(folder):
        if target.exists():
            raise FileExistsError(17, "it is there already", str(target))
        room.need(folder, record.files, reserve=_STICK_RESERVE)
        part = target.with_name(target.name + files.PART)
        if part.exists():  # an earlier one that was broken off
            shutil.rmtree(part)
        part.mkdir()
        try:
            inside = publish.where(part, record)
            inside.mkdir(parents=True)
            copy(stored.folder, inside, record.files, errand, title)
            write_record(inside, record)
            for name, words in _papers(record, titles, needs).items():
                files.write(part / name, words.encode())
            part.rename(target)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
    return target


def name_of(record: Record) -> str:
    """The folder that a model is exported to."""
    return record.place.replace("/", "@")


def find(path: Path) -> list[Stored]:
    """The models in a folder that was exported, in one that holds such folders, or in a model's own."""
    found: list[Stored] = []
    folders = [path]
    for _ in range(_DEPTH + 1):
        below: list[Path] = []
        for folder in folders:
            if (record := read_record(folder)) is not None:
                found.append(Stored(path, folder, record))
            else:
                below += sorted(each for each in folder.iterdir() if each.is_dir()) if folder.is_dir() else []
        folders = below
    return found


def bring(
    found: Stored, store: Store, known: Callable[[str], Model | None], title: str, errand: Errand
) -> Path:
    """Copy a model that `find` found into the store's first root; returns its folder there.

    A hash that *known* says of it must be the record's. Raises StudioError `model.unsafe`,
    `model.missing_file`, `model.hash_mismatch`, `model.busy`, `disk.away`, `disk.full`, `disk.file_limit`,
    `output.unwritable`, and Cancelled; nothing is left then.
    """
    record, root = found.record, store.roots[0]
    _trust(record, known, title)
    here = next((each for each in store.stored() if each.record.place == record.place), None)
    if here is not None and here.record.files == record.files:
        return here.folder
    if not root.parent.is_dir():
        raise StudioError("disk.away", path=str(root))
    with room.told(root):
        root.mkdir(exist_ok=True)
        room.need(root, record.files)
        with publish.hold(root, record.place, title) as home:
            ready = home / publish.READY
            if home.exists():
                shutil.rmtree(home)
            ready.mkdir(parents=True)
            try:
                copy(found.folder, ready, record.files, errand, title)
                return publish.publish(ready, root, record)
            finally:
                shutil.rmtree(home, ignore_errors=True)


def _trust(record: Record, known: Callable[[str], Model | None], title: str) -> None:
    """A record from elsewhere may claim anything.

    Raises StudioError `model.unsafe`, `model.hash_mismatch`.
    """
    if not record.ids or not record.files or not is_place(record.place):
        raise StudioError("model.unsafe", name=title, what=record.place or NAME)
    try:
        all_safe(file.path for file in record.files)
    except UnsafeNameError as error:
        raise StudioError("model.unsafe", name=title, what=NAME, details=str(error)) from error
    for file in record.files:
        if file.path == NAME or file.bytes is None or file.bytes < 0 or not file.sha256:
            raise StudioError("model.unsafe", name=title, what=file.path)
    claimed = {file.path: file.sha256 for file in record.files}
    for model in filter(None, map(known, record.ids)):
        for pinned in model.files:
            if pinned.sha256 and claimed.get(pinned.path) != pinned.sha256:
                raise StudioError("model.hash_mismatch", name=title, file=pinned.path)


def _papers(record: Record, titles: dict[str, str], needs: tuple[str, ...]) -> dict[str, str]:
    sums = "".join(f"{file.sha256}  {record.place}/{file.path}\n" for file in record.files)
    papers = {"README.txt": _readme(record, titles, needs), "SHA256SUMS": sums}
    if record.licence.text:
        papers["LICENCE.txt"] = record.licence.text
    return papers


def _readme(record: Record, titles: dict[str, str], needs: tuple[str, ...]) -> str:
    """In every language, one below the other."""
    parts: list[str] = []
    for language in LANGUAGES:
        words = catalogue(language)
        title = titles.get(language) or titles.get("en") or record.place
        lines = [
            title,
            "",
            words["store.readme.what"],
            words["store.readme.use"],
            words["store.readme.check"],
            "",
            words["store.readme.licence"].format(id=record.licence.id or "-", url=record.licence.url),
            words["store.readme.origin"].format(origin=record.origin, commit=record.commit or "-"),
        ]
        if needs:
            lines.append(words["store.readme.needs"].format(titles=", ".join(needs)))
        parts.append("\n".join(lines))
    return "\n\n----\n\n".join(parts) + "\n"
