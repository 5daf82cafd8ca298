"""The files behind the gallery: finding results, moving them to the trash and back, reading what they say.

A result and its record (`record.sidecar`) move together, by linking the new names before the old ones
go: a kill in between loses nothing, and `mend` puts the rest right.
"""

from __future__ import annotations

import contextlib
import logging
import mimetypes
import os
import struct
from collections.abc import Collection, Iterable, Iterator
from itertools import count
from pathlib import Path

from msgspec import Struct

from studio.domain.record import sidecar
from studio.domain.request import Request
from studio.services.metadata import PNG, read_request
from studio.wire.files import PART, publish_new

log = logging.getLogger(__name__)

TRASH = ".trash"
TASKS = {"image": "image", "audio": "speech", "text": "text"}

# (does it lie in the trash, its name relative to the results or to the trash, with "/")
Place = tuple[bool, str]

_types = mimetypes.MimeTypes()  # the built-in table: the same on every computer
for _type, _suffix in (
    ("image/webp", ".webp"),
    ("audio/wav", ".wav"),
    ("audio/flac", ".flac"),
    ("audio/ogg", ".ogg"),
    ("text/markdown", ".md"),
    ("model/gltf-binary", ".glb"),
):
    _types.add_type(_type, _suffix)


class About(Struct, frozen=True, kw_only=True):
    """What a file says of itself. `request` is None for one that is not ours; times are POSIX seconds."""

    task: str
    media_type: str
    created: float
    bytes: int
    request: Request | None = None
    width: int | None = None
    height: int | None = None
    seconds: float | None = None


def path_of(outputs: Path, place: Place) -> Path:
    return outputs / TRASH / place[1] if place[0] else outputs / place[1]


def find(outputs: Path) -> dict[Place, Path]:
    """Every result in the dated folders of *outputs* and of its trash. Raises OSError."""
    return {place: file for place, file in _entries(outputs) if not _is_record(file)}


def mend(outputs: Path, known: Collection[Place]) -> None:
    """Put right what a kill left half moved. *known*: the places that the index has. Raises OSError.

    A result under two names keeps the one that is known; a record without its result goes where the
    result is, or goes away if one is there already.
    """
    results = find(outputs)
    for twins in _twins(results):
        keep = next((place for place in twins if place in known), twins[0])
        for place in twins:
            if place[0] != keep[0]:
                log.info("%s was half moved; %s stays", results[place], results[keep])
                results.pop(place).unlink()
    records = {place: file for place, file in _entries(outputs) if _is_record(file)}
    twice = {place for twins in _twins(records) for place in twins}
    for place, file in records.items():
        trash, name = place[0], place[1].removesuffix(".json")
        if (trash, name) in results:
            continue
        there = results.get((not trash, name))
        if place in twice:
            file.unlink()
        elif there is not None and not sidecar(there).exists():
            file.replace(sidecar(there))


def move(source: Path, target: Path) -> Path:
    """Move a result and its record, never over another; the name it got.

    Raises FileNotFoundError if *source* is gone, OSError.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    record = sidecar(source)
    for name in _names(target):
        beside = sidecar(name)
        if name.exists() or beside.exists():
            continue
        recorded = record.exists()
        try:
            if recorded:
                publish_new(record, beside)
            publish_new(source, name)
        except OSError as error:
            if recorded and beside.exists():  # take the record back
                beside.unlink() if record.exists() else beside.rename(record)
            if isinstance(error, FileExistsError):
                continue
            raise
        source.unlink(missing_ok=True)  # where links are made, the old names are still there
        record.unlink(missing_ok=True)
        return name
    raise AssertionError("numbers do not end")


def with_record(file: Path) -> list[Path]:
    """Those of a result and its record that are there."""
    return [path for path in (file, sidecar(file)) if path.exists()]


def read(file: Path) -> About | None:
    """What *file* says of itself, None if it is gone."""
    try:
        status = file.stat()
    except FileNotFoundError:
        return None
    request = read_request(file)
    media_type = media_type_of(file)
    kind = media_type.partition("/")[0]
    width, height = _picture_size(file) if media_type == "image/png" else (None, None)
    return About(
        task=request.task if request else TASKS.get(kind, kind),
        media_type=media_type,
        created=status.st_mtime,
        bytes=status.st_size,
        request=request,
        width=width,
        height=height,
        seconds=_sound_length(file) if kind == "audio" else None,
    )


def media_type_of(file: Path) -> str:
    """By its suffix; "" for what is no result."""
    media_type = _types.guess_type(file.name)[0] or ""
    return media_type if media_type.partition("/")[0] in (*TASKS, "video", "model") else ""


def _entries(outputs: Path) -> Iterator[tuple[Place, Path]]:
    """Results and records in the dated folders; hidden files and unfinished ones are neither."""
    for trash, base in ((False, outputs), (True, outputs / TRASH)):
        for folder in sorted(base.iterdir()) if base.is_dir() else ():
            if folder.name.startswith(".") or not folder.is_dir():
                continue
            for file in sorted(folder.iterdir()):
                name = f"{folder.name}/{file.name}"
                if file.name.startswith(".") or file.suffix == PART or not _is_text(name):
                    continue
                if media_type_of(file) or _is_record(file):
                    yield (trash, name), file


def _is_text(name: str) -> bool:
    """False for a name of bytes that are no text: the index cannot hold it."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_record(file: Path) -> bool:
    return file.suffix == ".json" and bool(media_type_of(file.with_suffix("")))


def _twins(files: dict[Place, Path]) -> list[list[Place]]:
    """Places that are one file under a name in the results and one in the trash, the former first."""
    linked: dict[tuple[int, int], list[Place]] = {}
    for place, file in files.items():
        with contextlib.suppress(FileNotFoundError):
            status = file.stat()
            if status.st_nlink > 1:
                linked.setdefault((status.st_dev, status.st_ino), []).append(place)
    return [places for places in linked.values() if len({trash for trash, _ in places}) == 2]


def _names(wanted: Path) -> Iterable[Path]:
    yield wanted
    for number in count(2):
        yield wanted.with_stem(f"{wanted.stem}-{number}")


def _picture_size(file: Path) -> tuple[int | None, int | None]:
    """Of a PNG, from its first chunk."""
    try:
        with file.open("rb") as opened:
            head = opened.read(24)
    except OSError:
        return None, None
    if len(head) < 24 or not head.startswith(PNG):
        return None, None
    return struct.unpack(">II", head[16:])


def _sound_length(file: Path) -> float | None:
    import soundfile  # pyright: ignore[reportMissingTypeStubs] - only where a sound is read anew

    try:
        return soundfile.info(os.fspath(file)).duration
    except (soundfile.LibsndfileError, OSError):
        return None
