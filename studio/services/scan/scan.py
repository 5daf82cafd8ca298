"""Looks through folders for models and says of each what it is. Reads headers, changes nothing."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from msgspec import Struct

from studio.domain.finding import Finding
from studio.services.library.identify import identify
from studio.services.library.sums import sha256_of
from studio.services.scan import comfy, hub, ollama, places
from studio.services.scan.places import Spot
from studio.services.scan.walk import Trouble, candidates


class Seen(Struct, frozen=True):
    """A model, or a part of one, as *program* keeps it; `title` is what it is called there.

    `sha256`: what the program says that its file hashes to, unproved; empty where it says nothing.
    """

    finding: Finding
    program: str
    title: str
    sha256: str = ""


class Scan(Struct, frozen=True):
    """`found`, and folders that were not looked into."""

    found: tuple[Seen, ...]
    trouble: tuple[Trouble, ...]


def scan(
    spots: Iterable[Spot],
    *,
    progress: Callable[[int, Path], object] = lambda _count, _path: None,
    stopped: Callable[[], bool] = lambda: False,
) -> Scan:
    """Everything in *spots*. Milliseconds a file: call it in a thread. *progress* gets how many were found
    and where it is; it ends early, with what it has, once *stopped* says so.
    """
    found: list[Seen] = []
    trouble: list[Trouble] = []
    known: set[str] = set()
    for program, title, path, sha256 in _all(spots, trouble.append):
        if stopped():
            break
        real = os.path.realpath(path)
        if real in known:  # two places of the same name are one model
            continue
        known.add(real)
        found.append(Seen(identify(path), program, title, sha256))
        progress(len(found), path)
    return Scan(tuple(found), tuple(trouble))


def _all(spots: Iterable[Spot], trouble: Callable[[Trouble], object]) -> Iterator[tuple[str, str, Path, str]]:
    for spot in spots:
        if spot.program == places.OLLAMA:
            for blob in ollama.blobs(spot.folder, trouble):
                yield spot.program, blob.name, blob.file, blob.sha256
        elif spot.program == places.HUB:
            for name, path in (*hub.repositories(spot.folder, trouble), *hub.old_files(spot.folder, trouble)):
                yield spot.program, name, path, ""
        else:
            for folder in _folders(spot):
                for path in candidates(folder, trouble):
                    yield spot.program, _title(path, folder), path, ""


def _folders(spot: Spot) -> list[Path]:
    """What of a program's folder holds models; all of it where that is not known."""
    if spot.program == places.COMFY:
        return [spot.folder / "models", *comfy.extra_folders(spot.folder)]
    if spot.program in (places.WEBUI, places.FORGE):
        return [folder for name in ("models", "embeddings") if (folder := spot.folder / name).is_dir()]
    return [spot.folder]


def _title(path: Path, folder: Path) -> str:
    """A file called like thousands of others by its folder's name."""
    if path.stem.lower() in ("model", "pytorch_model", "diffusion_pytorch_model") and path.parent != folder:
        return path.parent.name
    return path.name


def is_as_named(seen: Seen) -> bool:
    """Does its file hash to what the program says? Reads all of it. Raises OSError."""
    return bool(seen.sha256) and sha256_of(Path(seen.finding.path)) == seen.sha256


def duplicates(found: Iterable[Seen], stopped: Callable[[], bool] = lambda: False) -> list[tuple[Seen, ...]]:
    """Files that lie in several places. Only those of equal sizes are read, all of each: it may take long.

    Raises OSError.
    """
    sizes: dict[int, dict[tuple[int, int], Seen]] = defaultdict(dict)
    for seen in found:
        path = Path(seen.finding.path)
        if path.is_file():
            about = path.stat()
            sizes[about.st_size].setdefault((about.st_dev, about.st_ino), seen)  # a link is no copy
    same: dict[str, list[Seen]] = defaultdict(list)
    for alike in sizes.values():
        for seen in alike.values() if len(alike) > 1 else ():
            if stopped():
                return []
            same[sha256_of(Path(seen.finding.path))].append(seen)
    return [tuple(copies) for copies in same.values() if len(copies) > 1]
