"""Tells what tensors are by their names and shapes, from tables of what is known (`assets/layouts`).

A signature names every top-level module that may be there: a file with one more is something else. Where two
signatures of different things fit, nothing is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from functools import cache
from typing import Protocol, TypeVar

import msgspec
from msgspec import Struct

from studio.domain.finding import Kind
from studio.services.paths import ASSETS

LAYOUTS = ASSETS / "layouts"

_SPECIAL = re.compile(r"[*?\[]")

Shape = tuple[int | None, ...]
S = TypeVar("S")


class Shaped(Protocol):
    @property
    def shape(self) -> tuple[int, ...]: ...


Tensors = Mapping[str, Shaped]


class Naming(Struct, frozen=True, forbid_unknown_fields=True):
    """A closer name where `tensors` are there as well and none of `absent` is."""

    name: str
    tensors: dict[str, Shape | None] = {}
    absent: tuple[str, ...] = ()
    task: str = ""


class Signature(Struct, frozen=True, forbid_unknown_fields=True):
    """`tops`: the first pieces of all names, as patterns; a "?" at the end means that it may be missing.
    `tensors` must be there, in the given shape (None for any side); names may be patterns. `only`: and
    nothing else. `needs`: kinds of parts that make a whole of it. `names`: the first that fits is closer.
    """

    kind: Kind
    name: str
    tensors: dict[str, Shape | None]
    tops: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    only: bool = False
    family: str = ""
    task: str = ""
    bases: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    names: tuple[Naming, ...] = ()


class Folder(Struct, frozen=True, forbid_unknown_fields=True):
    """What the classes that a folder's configuration names stand for."""

    kind: Kind
    name: str
    classes: tuple[str, ...] = ()
    architectures: tuple[str, ...] = ()
    family: str = ""
    task: str = ""


@cache
def table(name: str, kind: type[S]) -> tuple[S, ...]:
    """Every entry of the table *name*. Raises OSError, msgspec.MsgspecError for a broken installation."""
    words = (LAYOUTS / f"{name}.json").read_bytes()
    return msgspec.json.decode(words, type=tuple[kind, ...])  # type: ignore[valid-type]


def signatures() -> tuple[Signature, ...]:
    return (*table("denoisers", Signature), *table("parts", Signature))


def match(tensors: Tensors, among: Iterable[Signature]) -> Signature | None:
    """What *tensors* are, under its closest name; None if nothing or several different things fit."""
    tops = {name.partition(".")[0] for name in tensors if "." in name}
    found = [signature for signature in among if _fits(signature, tensors, tops)]
    if len({(signature.kind, signature.name) for signature in found}) != 1:
        return None
    return _named(found[0], tensors)


def _named(signature: Signature, tensors: Tensors) -> Signature:
    for naming in signature.names:
        if has(naming.tensors, naming.absent, tensors):
            return msgspec.structs.replace(
                signature, name=naming.name, task=naming.task or signature.task, names=()
            )
    return msgspec.structs.replace(signature, names=())


def _fits(signature: Signature, tensors: Tensors, tops: set[str]) -> bool:
    if signature.tops and not _same(signature.tops, tops):
        return False
    if not has(signature.tensors, signature.absent, tensors):
        return False
    patterns = signature.tensors
    return not signature.only or all(
        any(fnmatchcase(name, pattern) for pattern in patterns) for name in tensors
    )


def _same(patterns: tuple[str, ...], tops: set[str]) -> bool:
    """Does every top have its pattern, and every pattern that is no "may" a top?"""
    left = set(tops)
    for pattern in patterns:
        may = pattern.endswith("?")
        plain = pattern.removesuffix("?")
        hit = {plain} & tops if "*" not in plain and "[" not in plain else like(plain, tops)
        if not hit and not may:
            return False
        left -= hit
    return not left


def has(wanted: Mapping[str, Shape | None], absent: tuple[str, ...], tensors: Tensors) -> bool:
    """Are all of *wanted* among *tensors*, in their shapes, and none of *absent*? Names may be patterns."""
    for name, shape in wanted.items():
        if "*" in name:
            if not any(_is(tensors[found].shape, shape) for found in like(name, tensors)):
                return False
        elif name not in tensors or not _is(tensors[name].shape, shape):
            return False
    return not any(like(pattern, tensors) for pattern in absent)


def like(pattern: str, names: Iterable[str]) -> set[str]:
    """Those of *names* that fit the shell's *pattern*, of which most begin with letters that tell at once."""
    start, special = _start(pattern)
    begun = {name for name in names if name.startswith(start)}
    return begun if special == "*" else {name for name in begun if fnmatchcase(name, pattern)}


@cache
def _start(pattern: str) -> tuple[str, str]:
    """What stands before the first special character, and the rest."""
    found = _SPECIAL.search(pattern)
    return (pattern[: found.start()], pattern[found.start() :]) if found else (pattern, "?")


def _is(shape: tuple[int, ...], wanted: Shape | None) -> bool:
    return wanted is None or (
        len(shape) == len(wanted)
        and all(side in (None, there) for side, there in zip(wanted, shape, strict=True))
    )


def folder_of(classes: Iterable[str]) -> Folder | None:
    """What the first of *classes* that is known stands for."""
    return next(
        (
            entry
            for name in classes
            for entry in table("folders", Folder)
            if any(fnmatchcase(name, pattern) for pattern in entry.classes)
        ),
        None,
    )


def gguf_of(architecture: str) -> Folder | None:
    return next(
        (
            entry
            for entry in table("gguf", Folder)
            if any(fnmatchcase(architecture, pattern) for pattern in entry.architectures)
        ),
        None,
    )
