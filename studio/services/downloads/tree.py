"""The files of a repository as its server lists them, with their sizes and hashes."""

from __future__ import annotations

from msgspec import Struct


class HubFile(Struct, frozen=True, kw_only=True):
    """`sha256` in hex where the server knows it, else git's id of the content as `blob`."""

    path: str
    bytes: int
    sha256: str | None
    blob: str | None


class Tree(Struct, frozen=True, kw_only=True):
    commit: str
    files: tuple[HubFile, ...]
