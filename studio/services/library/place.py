"""Where a model's files lie, as far as looking at them needs: a path here, or a repository elsewhere.

A subset of what `pathlib.Path` can, so that a path is a place, and one code judges both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Literal, Protocol, Self

from studio.domain.gguf import Readable


class Stat(Protocol):
    @property
    def st_size(self) -> int: ...


class Place(Protocol):
    """A file or a folder. Each means what it means for a Path; all but `name` may raise OSError."""

    @property
    def name(self) -> str: ...
    @property
    def parent(self) -> Self: ...
    def __truediv__(self, name: str, /) -> Self: ...
    def is_file(self) -> bool: ...
    def is_dir(self) -> bool: ...
    def iterdir(self) -> Iterable[Self]: ...
    def rglob(self, pattern: str, /) -> Iterable[Self]: ...
    def stat(self) -> Stat: ...
    def open(self, mode: Literal["rb"], /) -> AbstractContextManager[Readable]: ...


_LOADED = re.compile(
    r"^(?P<stem>model|diffusion_pytorch_model)(?:\.(?P<variant>\w+))?"
    r"(?P<shard>-\d{5}-of-\d{5})?(?:\.(?P<behind>\w+))?\.safetensors$"
)
_GGUF_SHARD = re.compile(r"^(?P<stem>.*)-\d{5}-of-(?P<count>\d{5})\.gguf$")


def weights(names: Iterable[str], variant: str = "") -> list[str]:
    """Those of a folder's safetensors that are loaded, by their names; others are copies of the same.

    Files of *variant* ("fp16"; "" the plain ones) where there are any, else the plain ones, else the
    first variant's. Names that no library gives its weights are all taken where there are no others.
    """
    given = sorted(name for name in names if name.endswith(".safetensors"))
    kinds: dict[str, list[str]] = {}
    for name in given:
        if found := _LOADED.match(name):
            kinds.setdefault(found["variant"] or found["behind"] or "", []).append(name)
    if not kinds:
        return given
    chosen = kinds.get(variant) or kinds.get("") or kinds[min(kinds)]
    whole = [name for name in chosen if "-of-" not in name]
    return whole[:1] or chosen


def variants(names: Iterable[str]) -> set[str]:
    """Which variants a folder's safetensors have, by their names; "" for the plain ones."""
    found = [_LOADED.match(name) for name in names]
    return {match["variant"] or match["behind"] or "" for match in found if match}


def gguf_shards(name: str) -> list[str]:
    """All files of the GGUF model that the file *name* belongs to; *name* alone where it is whole."""
    found = _GGUF_SHARD.match(name)
    if not found:
        return [name]
    count = int(found["count"])
    return [f"{found['stem']}-{number:05d}-of-{count:05d}.gguf" for number in range(1, count + 1)]
