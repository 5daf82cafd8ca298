"""The hub's cache, in both its layouts: repositories with snapshots, and the older one of files by hash."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from studio.services.library.headers import HeaderError, read_json
from studio.services.scan.walk import Trouble, candidates

_REPOSITORY = re.compile(r"models--(.+)")
_OLD = re.compile(r"[0-9a-f]{64}\.[0-9a-f]{64}(?:\.[\w.]+)?|[0-9a-f]{40,64}(?:\.[0-9a-f]{40,64})?(?:\.h5)?")


def repositories(cache: Path, trouble: Callable[[Trouble], object]) -> Iterator[tuple[str, Path]]:
    """Names and what lies in each: the newest snapshot as one model, or its files where it is none."""
    try:
        folders = sorted(folder for folder in cache.iterdir() if folder.is_dir())
    except OSError:
        trouble(Trouble(str(cache), "scan.unreadable"))
        return
    for folder in folders:
        found = _REPOSITORY.fullmatch(folder.name)
        if not found:
            continue
        name = found[1].replace("--", "/")
        try:
            snapshot = _snapshot(folder)
        except OSError:
            trouble(Trouble(str(folder), "scan.unreadable"))
            continue
        if snapshot is None:
            continue
        if (snapshot / "model_index.json").is_file() or (snapshot / "config.json").is_file():
            yield name, snapshot
        else:
            yield from ((f"{name}/{path.name}", path) for path in candidates(snapshot, trouble))


def _snapshot(folder: Path) -> Path | None:
    """The one that "main" points to, else the newest."""
    snapshots = folder / "snapshots"
    main = folder / "refs" / "main"
    if main.is_file():
        name = main.read_text(encoding="utf-8", errors="replace").strip()
        if re.fullmatch(r"[0-9a-f]{40}", name) and (snapshots / name).is_dir():
            return snapshots / name
    if not snapshots.is_dir():
        return None
    there = [each for each in snapshots.iterdir() if each.is_dir()]
    return max(there, key=lambda each: each.stat().st_mtime, default=None)


def old_files(cache: Path, trouble: Callable[[Trouble], object]) -> Iterator[tuple[str, Path]]:
    """Files called by hashes with a .json beside each that has its address; by "owner/name/file"."""
    try:
        files = sorted(file for file in cache.iterdir() if _OLD.fullmatch(file.name) and file.is_file())
    except OSError:
        trouble(Trouble(str(cache), "scan.unreadable"))
        return
    for file in files:
        about = file.with_name(file.name + ".json")
        if not about.is_file():
            continue
        try:
            url = str(read_json(about).get("url", ""))
        except (HeaderError, OSError):
            trouble(Trouble(str(about), "scan.unreadable"))
            continue
        parts = url.partition("://")[2].split("/")[1:]
        name = "/".join(part for part in parts if part not in ("resolve", "main"))
        if name.endswith((".safetensors", ".bin", ".gguf", ".pt")):
            yield name, file
