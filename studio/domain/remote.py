"""A model on a hub, as its headers and configurations describe it: enough to judge it before it is here."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from msgspec import Struct

from studio.domain.cost.cost import ModelFacts
from studio.domain.cost.packed import PackedFacts, unpack
from studio.domain.model import ModelFile


class Variant(Struct, frozen=True, kw_only=True):
    """One of several forms in a repository: "fp16", "Q4_K_M", a file's name; "" the plain one.

    `bytes` to fetch.
    """

    name: str
    bytes: int


class Hit(Struct, frozen=True, kw_only=True):
    """A repository that a search found, as the hub tells of it; nothing of it was looked at.

    `task` as the studio calls it, "" for another. `downloads` of the last month. `updated`: POSIX seconds.
    """

    repo: str
    task: str = ""
    downloads: int = 0
    likes: int = 0
    updated: float | None = None
    licence: str = ""
    gated: bool = False


class RemoteModel(Struct, frozen=True, kw_only=True, dict=True):
    """One variant of the repository `repo` at `commit`.

    `family` would load it, None where none of this version can; `parameters` narrow the family's as in
    `Model`. `files` are what a fetch would bring. `variants` holds the others too. `licence` as the
    hub's page names it, "" where it does not. `gated`: the hub asks for an account and consent.
    `modelscope`: it is there, not on the hub.
    """

    repo: str
    commit: str
    family: str | None
    packed: PackedFacts
    files: tuple[ModelFile, ...]
    parameters: dict[str, dict[str, Any] | None] = {}
    variant: str = ""
    variants: tuple[Variant, ...] = ()
    licence: str = ""
    gated: bool = False
    modelscope: bool = False

    @property
    def bytes(self) -> int:
        """To fetch."""
        return sum(file.bytes or 0 for file in self.files)

    @cached_property
    def facts(self) -> ModelFacts:
        return unpack(self.packed)
