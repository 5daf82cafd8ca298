"""A hub's repository as a place: what looks at a model's files here can look at them there."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Literal, Self

import httpx2
from huggingface_hub import hf_hub_url
from msgspec import Struct

from studio.services.downloads.beginning import FIRST, Beginning
from studio.services.downloads.hub import Tree
from studio.services.downloads.route import Route
from studio.services.downloads.transfer import Item, UnreachableError
from studio.services.library.headers import HeaderError
from studio.services.network import Traffic

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAX_BYTES = 128 * 2**20
MAX_SECONDS = 300.0


class Allowance:
    """How much one look at a repository may take, and how long. Counts for several threads."""

    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._lock = threading.Lock()
        self._end = time.monotonic() + MAX_SECONDS

    def take(self, size: int) -> None:
        """Raises HeaderError, UnreachableError when there is no more."""
        with self._lock:
            self._traffic.received += size
            if self._traffic.received > MAX_BYTES:
                raise HeaderError("its headers are too long")
        if time.monotonic() > self._end:
            raise UnreachableError("it takes too long")


def beginnings(
    client: httpx2.Client, tree: Tree, address: Callable[[str], str], route: Route, traffic: Traffic
) -> dict[str, Beginning]:
    """The beginning of every file of *tree* by its path, which is at *address*. Nothing is asked yet."""
    allowance = Allowance(traffic)
    found: dict[str, Beginning] = {}
    for file in tree.files:
        url = address(file.path)
        item = Item(url=url, name=file.path, bytes=file.bytes, headers=route.headers(url))
        found[file.path] = Beginning(client, item, allowance.take)
    return found


def on_hub(repo: str, commit: str, endpoint: str) -> Callable[[str], str]:
    """Where the files of a hub's repository are, by their paths."""
    return lambda path: hf_hub_url(repo, path, revision=commit, endpoint=endpoint)


class _Stat(Struct, frozen=True):
    st_size: int


class _Raw(io.RawIOBase):
    """From the beginning on. Buffered like any file: a vocabulary is read in a million small pieces."""

    def __init__(self, beginning: Beginning) -> None:
        super().__init__()
        self._beginning, self._at = beginning, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer)
        data = self._beginning.read(self._at, len(view))
        view[: len(data)] = data
        self._at += len(data)
        return len(data)


class RemotePath:
    """A `Place` among *files*, "" being the repository's folder; it is called *name*."""

    def __init__(self, files: Mapping[str, Beginning], path: str, name: str) -> None:
        self._files, self._path, self._repo = files, path, name

    @property
    def name(self) -> str:
        return PurePosixPath(self._path).name or self._repo

    @property
    def parent(self) -> Self:
        return self._at(self._path.rpartition("/")[0])

    def __truediv__(self, name: str, /) -> Self:
        return self._at(f"{self._path}/{name}" if self._path else name)

    def is_file(self) -> bool:
        return self._path in self._files

    def is_dir(self) -> bool:
        return not self._path or any(True for _ in self._below())

    def iterdir(self) -> Iterator[Self]:
        names = {path.removeprefix(self._prefix).partition("/")[0] for path in self._below()}
        return (self / name for name in sorted(names))

    def rglob(self, pattern: str, /) -> Iterator[Self]:
        return (self._at(path) for path in self._below() if fnmatchcase(PurePosixPath(path).name, pattern))

    def stat(self) -> _Stat:
        return _Stat(self._beginning().size)

    def open(self, _mode: Literal["rb"], /) -> io.BufferedReader:
        return io.BufferedReader(_Raw(self._beginning()), FIRST)

    @property
    def _prefix(self) -> str:
        return f"{self._path}/" if self._path else ""

    def _below(self) -> Iterator[str]:
        return (path for path in self._files if path.startswith(self._prefix))

    def _at(self, path: str) -> Self:
        return type(self)(self._files, path, self._repo)

    def _beginning(self) -> Beginning:
        try:
            return self._files[self._path]
        except KeyError:
            raise FileNotFoundError(self._path) from None
