"""Reads what a model file says of itself: the header only, within bounds, whatever the file claims.

Nothing here trusts a length from the file before it was compared with what is left of the file.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from msgspec import Struct

MAX_JSON = 4 * 2**20
MAX_SAFETENSORS_HEADER = 64 * 2**20
MAX_GGUF_HEADER = 128 * 2**20
MAX_GGUF_ENTRIES = 100_000
MAX_GGUF_STEPS = 4_000_000

GGUF_MAGIC = b"GGUF"
PICKLE_MAGICS = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"\x1f\x8b")
_ARCHITECTURE = b"general.architecture"
_STRING, _ARRAY = 8, 9
_SCALAR_SIZES = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}


class HeaderError(Exception):
    """The file is not what its first bytes promise; the text says where it breaks."""


class Tensor(Struct, frozen=True):
    """One entry of a safetensors header. Offsets in bytes, from the end of the header."""

    dtype: str
    shape: tuple[int, ...]
    data_offsets: tuple[int, int]


def magic(path: Path) -> bytes:
    """The first 16 bytes. Raises OSError."""
    with path.open("rb") as file:
        return file.read(16)


def read_json(path: Path) -> dict[str, Any]:
    """A small JSON object. Raises HeaderError for anything else, OSError."""
    with path.open("rb") as file:
        data = file.read(MAX_JSON + 1)
    if len(data) > MAX_JSON:
        raise HeaderError(f"{path.name} is too large")
    try:
        return msgspec.json.decode(data, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise HeaderError(f"{path.name}: {error}") from error


def safetensors_header(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file by name. Raises HeaderError, OSError."""
    size = path.stat().st_size
    with path.open("rb") as file:
        prefix = file.read(8)
        length = int.from_bytes(prefix, "little")
        if len(prefix) < 8 or not 2 <= length <= min(size - 8, MAX_SAFETENSORS_HEADER):
            raise HeaderError(f"{path.name}: not a safetensors header")
        header = file.read(length)
    try:
        entries = msgspec.json.decode(header, type=dict[str, msgspec.Raw])
        entries.pop("__metadata__", None)
        tensors = {name: msgspec.json.decode(entry, type=Tensor) for name, entry in entries.items()}
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise HeaderError(f"{path.name}: {error}") from error
    room = size - 8 - length
    for name, tensor in tensors.items():
        begin, end = tensor.data_offsets
        if not 0 <= begin <= end <= room:
            raise HeaderError(f"{path.name}: {name[:80]} lies outside the file")
    return tensors


def gguf_architecture(path: Path) -> str:
    """What `general.architecture` of a GGUF file says. Raises HeaderError, OSError."""
    size = min(path.stat().st_size, MAX_GGUF_HEADER)
    with path.open("rb") as file:
        return _Gguf(file, size, path.name).architecture()


class _Gguf:
    """A walk over a GGUF header's entries that stops at the wanted one."""

    def __init__(self, file: BinaryIO, size: int, name: str) -> None:
        self._file, self._left, self._name = file, size, name
        self._steps = 0

    def architecture(self) -> str:
        if self._take(4) != GGUF_MAGIC:
            raise self._error("not a GGUF header")
        version = self._number("<I")
        if version not in (2, 3):
            raise self._error(f"GGUF version {version}")
        self._number("<Q")  # tensors
        entries = self._number("<Q")
        if entries > MAX_GGUF_ENTRIES:
            raise self._error(f"{entries} entries")
        for _ in range(entries):
            key = self._string()
            kind = self._number("<I")
            if key == _ARCHITECTURE:
                if kind != _STRING:
                    raise self._error("the architecture is no text")
                return self._string().decode("utf-8", "replace")
            self._skip_value(kind)
        raise self._error("no architecture is named")

    def _skip_value(self, kind: int) -> None:
        if kind == _STRING:
            self._skip(self._number("<Q"))
        elif kind == _ARRAY:
            self._skip_array(self._number("<I"), self._number("<Q"))
        elif kind in _SCALAR_SIZES:
            self._skip(_SCALAR_SIZES[kind])
        else:
            raise self._error(f"value type {kind}")

    def _skip_array(self, kind: int, count: int) -> None:
        if kind in _SCALAR_SIZES:
            self._skip(count * _SCALAR_SIZES[kind])
        elif kind != _STRING:
            raise self._error(f"array of type {kind}")
        elif count * 8 > self._left:
            raise self._error(f"an array of {count} texts")
        else:
            for _ in range(count):
                self._skip(self._number("<Q"))

    def _string(self) -> bytes:
        length = self._number("<Q")
        if length > 65_536:
            raise self._error("a text is too long")
        return self._take(length)

    def _number(self, form: str) -> int:
        value: int = struct.unpack(form, self._take(struct.calcsize(form)))[0]
        return value

    def _take(self, length: int) -> bytes:
        self._step(length)
        data = self._file.read(length)
        if len(data) != length:
            raise self._error("the header ends early")
        return data

    def _skip(self, length: int) -> None:
        self._step(length)
        self._file.seek(length, 1)

    def _step(self, length: int) -> None:
        self._steps += 1
        self._left -= length
        if self._left < 0 or self._steps > MAX_GGUF_STEPS:
            raise self._error("the header is longer than the file, or than any model's")

    def _error(self, what: str) -> HeaderError:
        return HeaderError(f"{self._name}: {what}")
