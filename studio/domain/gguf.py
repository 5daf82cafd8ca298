"""What a GGUF file says of itself, read within bounds: the file may come from anywhere.

    "GGUF" | version u32 | tensors u64 | entries u64 | entries x (key string, type u32, value)

Only scalars and strings are kept. Arrays (the vocabulary) are stepped over, each in one pass that
ends where the file ends, however many elements its header claims.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

MAGIC = b"GGUF"
MAX_ENTRIES = 100_000
MAX_ELEMENTS = 2**24
MAX_STRING = 16 * 2**20
STRING, ARRAY = 8, 9
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}

Scalar = int | float | bool | str


class GgufError(ValueError):
    """The bytes are not a GGUF header, or end inside it, or claim something absurd."""


def read_metadata(stream: BinaryIO, *, until: str = "") -> dict[str, Scalar]:
    """Every scalar and string entry by key, from a stream at its beginning; none behind the key *until*.

    Raises GgufError.
    """
    if _exactly(stream, 4) != MAGIC:
        raise GgufError("no GGUF magic")
    version, _, entries = struct.unpack("<IQQ", _exactly(stream, 20))
    if version not in (2, 3):
        raise GgufError(f"unknown version {version}")
    if entries > MAX_ENTRIES:
        raise GgufError(f"{entries} entries")
    found: dict[str, Scalar] = {}
    for _ in range(entries):
        key = _string(stream)
        kind = _number(stream, "I")
        if kind == ARRAY:
            _skip_array(stream)
        elif kind == STRING:
            found[key] = _string(stream)
        else:
            found[key] = _scalar(stream, kind)
        if key == until:
            break
    return found


def _skip_array(stream: BinaryIO) -> None:
    kind, count = _number(stream, "I"), _number(stream, "Q")
    if count > MAX_ELEMENTS:
        raise GgufError(f"an array of {count} elements")
    if kind == STRING:
        for _ in range(count):
            _string_bytes(stream)
        return
    size = struct.calcsize(_format(kind)) * count  # an array of arrays does not exist in practice
    while size:
        size -= len(_exactly(stream, min(size, 2**20)))


def _string(stream: BinaryIO) -> str:
    return _string_bytes(stream).decode("utf-8", "replace")


def _string_bytes(stream: BinaryIO) -> bytes:
    length = _number(stream, "Q")
    if length > MAX_STRING:
        raise GgufError(f"a string of {length} bytes")
    return _exactly(stream, length)


def _scalar(stream: BinaryIO, kind: int) -> Scalar:
    layout = _format(kind)
    value: Scalar = struct.unpack(layout, _exactly(stream, struct.calcsize(layout)))[0]
    return value


def _format(kind: int) -> str:
    if kind not in SCALARS:
        raise GgufError(f"unknown value type {kind}")
    return f"<{SCALARS[kind]}"


def _number(stream: BinaryIO, kind: str) -> int:
    return struct.unpack(f"<{kind}", _exactly(stream, 4 if kind == "I" else 8))[0]


def _exactly(stream: BinaryIO, length: int) -> bytes:
    data = stream.read(length)
    if len(data) != length:
        raise GgufError("the file ends inside its header")
    return data
