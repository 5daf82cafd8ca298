"""Which names from outside may become files here. The rules of every system hold on every system."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from pathlib import PurePosixPath

_FORBIDDEN = frozenset('<>:"|?*\\')
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$"]
    + [f"{port}{n}" for port in ("com", "lpt") for n in "0123456789¹²³"]
)
_MAX_PART, _MAX_PATH = 200, 400


class UnsafeNameError(ValueError):
    """A name that must not become a file; the text says why."""


def safe(name: str) -> PurePosixPath:
    """*name* as a relative path that stays below its folder on every system. Raises UnsafeNameError."""
    if not name or len(name.encode("utf-8", "surrogatepass")) > _MAX_PATH:
        raise UnsafeNameError("empty or too long")
    for part in name.split("/"):
        _check(part)
    return PurePosixPath(name)


def all_safe(names: Iterable[str]) -> list[PurePosixPath]:
    """Like `safe` for each, and no two may be one file where case or accents do not count."""
    paths = [safe(name) for name in names]
    seen: set[str] = set()
    for path in paths:
        same = unicodedata.normalize("NFKC", str(path)).casefold()
        if same in seen:
            raise UnsafeNameError(f"{path} appears twice")
        seen.add(same)
    return paths


def _check(part: str) -> None:
    if part in ("", ".", ".."):
        raise UnsafeNameError("climbs or is absolute")
    if len(part.encode("utf-8", "surrogatepass")) > _MAX_PART:
        raise UnsafeNameError("too long")
    if part[-1] in ". " or part[0] == " ":
        raise UnsafeNameError("begins or ends in a blank or a dot")
    if any(
        char in _FORBIDDEN or unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in part
    ):
        raise UnsafeNameError("holds a character that names must not hold")
    if part.partition(".")[0].rstrip(" ").lower() in _DEVICES:
        raise UnsafeNameError("is a device's name")
