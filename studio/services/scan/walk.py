"""Finds what may be models below a folder: model folders as one, files by their endings. Opens nothing.

Links to folders are followed only within the folder that is looked through, and each folder once.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec import Struct

ENDINGS = (".safetensors", ".sft", ".gguf", ".ckpt", ".pt", ".pth", ".bin", ".onnx")
MAX_FOLDERS = 100_000
MAX_DEPTH = 16
LEAST = 512  # bytes; nothing smaller is a model
_LATER_SHARD = re.compile(r"-(?!00001)\d{5}-of-\d{5}\.\w+$")
_WEIGHTS = (".safetensors", ".bin", ".gguf", ".pt")
# What programs keep beside models, and takes long to go through.
_SKIPPED = {
    ".git",
    "node_modules",
    "__pycache__",
    "venv",
    ".venv",
    "site-packages",
    "output",
    "outputs",
    "temp",
}


class Trouble(Struct, frozen=True):
    """A folder that was not looked into; `key` of the words for why: "scan.unreadable", "scan.outside",
    "scan.too_many".
    """

    path: str
    key: str


def candidates(root: Path, trouble: Callable[[Trouble], object]) -> Iterator[Path]:
    """What may be models below *root*, files and folders, in the order of their names."""
    top = os.path.realpath(root)
    seen: set[str] = set()
    todo: list[tuple[str, int]] = [(str(root), 0)]
    while todo:
        folder, depth = todo.pop()
        real = os.path.realpath(folder)
        if real in seen:
            continue
        seen.add(real)
        if real != top and not real.startswith(top.rstrip(os.sep) + os.sep):
            trouble(Trouble(folder, "scan.outside"))
            continue
        if len(seen) > MAX_FOLDERS or depth > MAX_DEPTH:
            trouble(Trouble(folder, "scan.too_many"))
            continue
        try:
            with os.scandir(folder) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError:
            trouble(Trouble(folder, "scan.unreadable"))
            continue
        names = {entry.name for entry in listed}
        if depth and _is_model(names):
            yield Path(folder)
            continue
        below: list[tuple[str, int]] = []
        for entry in listed:
            if entry.name in _SKIPPED or entry.name.startswith("."):
                continue
            if _is_folder(entry):
                below.append((entry.path, depth + 1))
            elif _is_candidate(entry):
                yield Path(entry.path)
        todo += reversed(below)


def _is_model(names: set[str]) -> bool:
    """Is a folder with files of these names one model?"""
    weights = any(name.endswith(_WEIGHTS) for name in names)
    return "model_index.json" in names or (weights and bool(names & {"config.json", "adapter_config.json"}))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_candidate(entry: os.DirEntry[str]) -> bool:
    """A file, not a pipe or a device, that is called like a model and is as large as one."""
    if not entry.name.lower().endswith(ENDINGS) or _LATER_SHARD.search(entry.name):
        return False
    try:
        about = entry.stat()
    except OSError:  # a link to nothing
        return False
    return stat.S_ISREG(about.st_mode) and about.st_size >= LEAST
