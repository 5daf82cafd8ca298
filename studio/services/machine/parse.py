"""Numbers and names out of text: exactly what is written there, or None.

The kernel and every command end their last line. A text that does not was cut off, and so was perhaps the
number at its end: that line is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, cast

MOST_BYTES = 2**50  # more than any computer has: such a number is garbage
UNITS = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}


def lines(text: str | None) -> list[str]:
    """The complete lines of *text*."""
    return (text or "").split("\n")[:-1]


def value(text: str | None) -> str:
    """What a file of one line says; "" if it has not exactly one, or is cut off."""
    found = lines((text or "").replace("\0", "\n"))
    return found[0].strip() if len(found) == 1 else ""


def fields(text: Iterable[str], separator: str = ":") -> dict[str, str]:
    """`name: value` by name. A name that is there with two values says nothing, and is left out."""
    found: dict[str, str] = {}
    doubtful: set[str] = set()
    for line in text:
        name, there, words = line.partition(separator)
        name, words = name.strip(), words.strip()
        if there and found.setdefault(name, words) != words:
            doubtful.add(name)
    return {name: words for name, words in found.items() if name not in doubtful}


def whole(text: str | None, most: int = MOST_BYTES) -> int | None:
    """A number of digits alone, at most *most*."""
    if text is None or not re.fullmatch(r"[0-9]{1,16}", text):
        return None
    number = int(text)
    return number if number <= most else None


def decimal(text: str | None, most: float = 1e9) -> float | None:
    """A number with a point or without, never with a comma."""
    if text is None or not re.fullmatch(r"[0-9]{1,12}(\.[0-9]{1,6})?", text):
        return None
    number = float(text)
    return number if number <= most else None


def kilobytes(text: str | None) -> int | None:
    """Bytes from `1234 kB`, which is 1024 each where the kernel writes it."""
    number, _, unit = (text or "").partition(" ")
    size = whole(number, MOST_BYTES // 1024)
    return size * 1024 if size is not None and unit == "kB" else None


def binary(text: str | None) -> int | None:
    """Bytes from `1234 MiB`."""
    number, _, unit = (text or "").partition(" ")
    size = whole(number)
    if size is None or unit not in UNITS:
        return None
    return size * UNITS[unit] if size * UNITS[unit] <= MOST_BYTES else None


def measured(text: str | None, unit: str) -> float | None:
    """The number of `3.97 W`, if that is its unit."""
    number, _, found = (text or "").partition(" ")
    return decimal(number) if found == unit else None


def count(given: Any, most: int = MOST_BYTES) -> int | None:
    """A number that came as one, such as from a library: not negative, at most *most*."""
    return given if type(given) is int and 0 <= given <= most else None


def words(given: Any) -> str:
    """Text that came as such, else ""."""
    return given.strip() if isinstance(given, str) else ""


def table(given: Any) -> dict[str, Any]:
    """A table that came from elsewhere; empty for anything else."""
    return cast("dict[str, Any]", given) if isinstance(given, dict) else {}


def entries(given: Any) -> list[dict[str, Any]]:
    """The tables of a list that came from elsewhere."""
    if not isinstance(given, list):
        return []
    found = cast("list[Any]", given)
    return [cast("dict[str, Any]", entry) for entry in found if isinstance(entry, dict)]
