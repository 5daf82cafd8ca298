"""What takes how much on which drive, and what is there twice. Takes a moment: call it in a thread."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

from msgspec import Struct

from studio.services.store.leftovers import Leftover, leftovers
from studio.services.store.store import Store, Stored, is_there

_LEAST_TWICE = 2**20  # smaller files, such as tokenizers, are often the same


class Takes(Struct, frozen=True, kw_only=True):
    """A model on the disk. `last_used`: POSIX seconds, None when never here.

    `twice`: other places, folders of models or of the hub's cache, that hold one of its large files.
    """

    stored: Stored
    last_used: float | None
    twice: tuple[str, ...] = ()

    @property
    def bytes(self) -> int:
        return self.stored.record.bytes


class Drive(Struct, frozen=True, kw_only=True):
    """A drive with one or more roots. Bytes; `models` is what the studio's models and leftovers take.

    `there`: is it plugged in? If not, `models` is what is remembered and `titles` are the ids of it.
    """

    roots: tuple[str, ...]
    there: bool
    total: int
    free: int
    models: int
    titles: tuple[str, ...] = ()

    @property
    def other(self) -> int:
        return max(0, self.total - self.free - self.models)


class Cached(Struct, frozen=True, kw_only=True):
    """A repository in the hub's own cache, which belongs to other programs too: only looked at."""

    repo: str
    path: str
    bytes: int
    hashes: frozenset[str]


class Usage(Struct, frozen=True, kw_only=True):
    """Everything, the largest first."""

    drives: tuple[Drive, ...]
    models: tuple[Takes, ...]
    leftovers: tuple[Leftover, ...]
    cache: tuple[Cached, ...]


def usage(store: Store, last_used: Callable[[str], float | None]) -> Usage:
    """*last_used* of a model's id."""
    stored, parts, cache = store.stored(), tuple(leftovers(store)), hub_cache()
    twice = _twice(stored, cache)
    models = [
        Takes(
            stored=each,
            last_used=max(filter(None, map(last_used, each.record.ids)), default=None),
            twice=twice.get(each.folder, ()),
        )
        for each in stored
    ]
    return Usage(
        drives=tuple(_drives(store, stored, parts)),
        models=tuple(sorted(models, key=lambda each: -each.bytes)),
        leftovers=parts,
        cache=cache,
    )


def hub_cache() -> tuple[Cached, ...]:
    """What `huggingface_hub` keeps for all programs, the largest first; nothing where there is no cache."""
    from huggingface_hub import constants, scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        repos = scan_cache_dir(constants.HF_HUB_CACHE).repos
    except CacheNotFound:
        return ()
    found = [
        Cached(
            repo=repo.repo_id,
            path=str(repo.repo_path),
            bytes=repo.size_on_disk,
            hashes=frozenset(file.blob_path.name for revision in repo.revisions for file in revision.files),
        )
        for repo in repos
        if repo.repo_type == "model"
    ]
    return tuple(sorted(found, key=lambda each: -each.bytes))


def _drives(store: Store, stored: list[Stored], parts: Iterable[Leftover]) -> Iterable[Drive]:
    takes: dict[str, int] = defaultdict(int)
    for each in stored:
        takes[str(each.root)] += each.record.bytes
    for part in parts:
        takes[part.root] += part.bytes
    drives: dict[int, list[Path]] = defaultdict(list)
    for root in store.roots:
        if is_there(root):
            drives[root.stat().st_dev].append(root)
    for roots in drives.values():
        disk = shutil.disk_usage(roots[0])
        yield Drive(
            roots=tuple(map(str, roots)),
            there=True,
            total=disk.total,
            free=disk.free,
            models=sum(takes[str(root)] for root in roots),
        )
    for root, held in store.away().items():
        yield Drive(
            roots=(str(root),),
            there=False,
            total=0,
            free=0,
            models=sum(each.bytes for each in held),
            titles=tuple(each.ids[0] for each in held if each.ids),
        )


def _twice(stored: list[Stored], cache: Iterable[Cached]) -> dict[Path, tuple[str, ...]]:
    """For each model's folder, where else one of its large files lies, by the hashes that are known."""
    places: dict[str, set[str]] = defaultdict(set)
    for each in stored:
        for file in each.record.files:
            if file.sha256 and (file.bytes or 0) >= _LEAST_TWICE:
                places[file.sha256].add(str(each.folder))
    for repo in cache:
        for digest in repo.hashes & places.keys():
            places[digest].add(repo.path)
    found: dict[Path, set[str]] = defaultdict(set)
    for where in places.values():
        for place in where if len(where) > 1 else ():
            found[Path(place)] |= where - {place}
    return {place: tuple(sorted(others)) for place, others in found.items()}
