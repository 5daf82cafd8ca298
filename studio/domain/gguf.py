"""What a GGUF file says of itself, read within bounds: the file may come from anywhere.

    "GGUF" | version u32 | tensors u64 | entries u64 | entries x (key string, type u32, value)
           | tensors x (name string, dimensions u32, sizes u64 each, type u32, offset u64)

Only scalars, strings and short arrays of numbers are kept. Long arrays (the vocabulary) are stepped over,
each in one pass that ends where the file ends, however many elements its header claims.
"""

from __future__ import annotations

import math
import struct
from typing import NamedTuple, Protocol

MAGIC = b"GGUF"
MAX_ENTRIES = 100_000
MAX_ELEMENTS = 2**24
MAX_STRING = 16 * 2**20
MAX_TENSORS = 200_000
MAX_DIMENSIONS = 8
KEPT_ELEMENTS = 1024  # of an array: one number per layer is worth keeping
STRING, ARRAY = 8, 9
SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}

Scalar = int | float | bool | str
Value = Scalar | tuple[int | float | bool, ...]

# (name, elements of a block, bytes of a block) by the number in the file.
TYPES = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 10: ("Q2_K", 256, 84),
    11: ("Q3_K", 256, 110), 12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210),
    16: ("IQ2_XXS", 256, 66), 17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98),
    19: ("IQ1_S", 256, 50), 20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110), 22: ("IQ2_S", 256, 82),
    23: ("IQ4_XS", 256, 136), 24: ("I8", 1, 1), 25: ("I16", 1, 2), 26: ("I32", 1, 4), 27: ("I64", 1, 8),
    28: ("F64", 1, 8), 29: ("IQ1_M", 256, 56), 30: ("BF16", 1, 2), 34: ("TQ1_0", 256, 54),
    35: ("TQ2_0", 256, 66), 39: ("MXFP4", 32, 17), 40: ("NVFP4", 64, 36), 41: ("Q1_0", 128, 18),
}  # fmt: skip
"""As llama.cpp's `ggml.h` and `ggml-common.h` have them; types that no file holds are left out."""


class TensorInfo(NamedTuple):
    """One tensor of the file; `shape` outermost dimension first, as torch has it."""

    name: str
    type: str
    shape: tuple[int, ...]
    bytes: int


class Readable(Protocol):
    """A stream of bytes; `read` gives fewer than asked for only at its end."""

    def read(self, size: int, /) -> bytes: ...


class GgufError(ValueError):
    """The bytes are not a GGUF header, or end inside it, or claim something absurd."""


def read_metadata(stream: Readable, *, until: str = "") -> dict[str, Value]:
    """Every scalar, string and short array by key, from a stream at its beginning; none behind *until*.

    Raises GgufError.
    """
    return _entries(stream, until)[0]


def read_header(stream: Readable) -> tuple[dict[str, Value], tuple[TensorInfo, ...]]:
    """What `read_metadata` gives, and every tensor. Raises GgufError."""
    metadata, count = _entries(stream, "")
    if count > MAX_TENSORS:
        raise GgufError(f"{count} tensors")
    return metadata, tuple(_tensor(stream) for _ in range(count))


def _entries(stream: Readable, until: str) -> tuple[dict[str, Value], int]:
    """The metadata, and how many tensors are described behind it."""
    if _exactly(stream, 4) != MAGIC:
        raise GgufError("no GGUF magic")
    version, tensors, entries = struct.unpack("<IQQ", _exactly(stream, 20))
    if version not in (2, 3):
        raise GgufError(f"unknown version {version}")
    if entries > MAX_ENTRIES:
        raise GgufError(f"{entries} entries")
    found: dict[str, Value] = {}
    for _ in range(entries):
        key = _string(stream)
        kind = _number(stream, "I")
        if kind == ARRAY:
            values = _array(stream)
            if values is not None:
                found[key] = values
        elif kind == STRING:
            found[key] = _string(stream)
        else:
            found[key] = _scalar(stream, kind)
        if key == until:
            break
    return found, tensors


def _tensor(stream: Readable) -> TensorInfo:
    name = _string(stream)
    dimensions = _number(stream, "I")
    if dimensions > MAX_DIMENSIONS:
        raise GgufError(f"{name[:80]} has {dimensions} dimensions")
    sizes = tuple(_number(stream, "Q") for _ in range(dimensions))
    kind, _offset = _number(stream, "I"), _number(stream, "Q")
    if kind not in TYPES:
        raise GgufError(f"unknown tensor type {kind}")
    type_name, block, block_bytes = TYPES[kind]
    return TensorInfo(name, type_name, sizes[::-1], math.prod(sizes) // block * block_bytes)


def _array(stream: Readable) -> tuple[int | float | bool, ...] | None:
    """A short array of numbers; None for any other, which is stepped over."""
    kind, count = _number(stream, "I"), _number(stream, "Q")
    if count > MAX_ELEMENTS:
        raise GgufError(f"an array of {count} elements")
    if kind == STRING:
        for _ in range(count):
            _string_bytes(stream)
        return None
    if count <= KEPT_ELEMENTS:
        layout = f"<{count}{_format(kind)[1:]}"
        return struct.unpack(layout, _exactly(stream, struct.calcsize(layout)))
    size = struct.calcsize(_format(kind)) * count  # an array of arrays does not exist in practice
    while size:
        size -= len(_exactly(stream, min(size, 2**20)))
    return None


def _string(stream: Readable) -> str:
    return _string_bytes(stream).decode("utf-8", "replace")


def _string_bytes(stream: Readable) -> bytes:
    length = _number(stream, "Q")
    if length > MAX_STRING:
        raise GgufError(f"a string of {length} bytes")
    return _exactly(stream, length)


def _scalar(stream: Readable, kind: int) -> Scalar:
    layout = _format(kind)
    value: Scalar = struct.unpack(layout, _exactly(stream, struct.calcsize(layout)))[0]
    return value


def _format(kind: int) -> str:
    if kind not in SCALARS:
        raise GgufError(f"unknown value type {kind}")
    return f"<{SCALARS[kind]}"


def _number(stream: Readable, kind: str) -> int:
    return struct.unpack(f"<{kind}", _exactly(stream, 4 if kind == "I" else 8))[0]


def _exactly(stream: Readable, length: int) -> bytes:
    data = stream.read(length)
    if len(data) != length:
        raise GgufError("the file ends inside its header")
    return data
