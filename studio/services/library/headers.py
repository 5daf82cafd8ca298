"""Reads what a model file says of itself: the header only, within bounds, whatever the file claims.

Nothing here trusts a length from the file before it was compared with what is left of the file.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import Struct

from studio.domain import gguf
from studio.services.library.place import Place

MAX_JSON = 4 * 2**20
MAX_INDEX = 32 * 2**20  # of shards: a line for each tensor
MAX_SAFETENSORS_HEADER = 64 * 2**20
MAX_TENSORS = 400_000

PICKLE_MAGICS = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"\x1f\x8b")
_ARCHITECTURE = "general.architecture"
_TYPE = re.compile(r"[A-Z][A-Z0-9_]{0,15}")


class HeaderError(Exception):
    """The file is not what its first bytes promise; the text says where it breaks."""


class Tensor(Struct, frozen=True, gc=False):
    """One entry of a safetensors header. Offsets in bytes, from the end of the header.

    Where one says nothing of itself, its type is of no known kind.
    """

    dtype: str = ""
    shape: tuple[int, ...] = ()
    data_offsets: tuple[int, int] = (-1, -1)


_HEADER = msgspec.json.Decoder(dict[str, Tensor])  # `__metadata__` says nothing of a tensor


def magic(path: Place) -> bytes:
    """The first 16 bytes. Raises OSError."""
    with path.open("rb") as file:
        return file.read(16)


def read_json(path: Place, limit: int = MAX_JSON) -> dict[str, Any]:
    """A small JSON object. Raises HeaderError for anything else, OSError."""
    with path.open("rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise HeaderError(f"{path.name} is too large")
    try:
        return msgspec.json.decode(data, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise HeaderError(f"{path.name}: {error}") from error


def safetensors_header(path: Place) -> dict[str, Tensor]:
    """The tensors of a safetensors file by name, all within it. Raises HeaderError, OSError."""
    tensors, room = begun(path)
    if any(tensor.data_offsets[1] > room for tensor in tensors.values()):
        raise HeaderError(f"{path.name}: its tensors lie outside the file")
    return tensors


def begun(path: Place) -> tuple[dict[str, Tensor], int]:
    """What a safetensors file's header describes, and the bytes that are there: fewer if it is cut short.

    Raises HeaderError, OSError.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        prefix = file.read(8)
        length = int.from_bytes(prefix, "little")
        if len(prefix) < 8 or not 2 <= length <= min(size - 8, MAX_SAFETENSORS_HEADER):
            raise HeaderError(f"{path.name}: not a safetensors header")
        header = file.read(length)
    try:
        tensors = _HEADER.decode(header)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise HeaderError(f"{path.name}: {error}") from error
    tensors.pop("__metadata__", None)
    if len(tensors) > MAX_TENSORS:
        raise HeaderError(f"{path.name}: {len(tensors)} tensors")
    for kind in {tensor.dtype for tensor in tensors.values()}:
        if not _TYPE.fullmatch(kind):
            raise HeaderError(f"{path.name}: {kind[:80] or 'nothing'} is no known type")
    for name, tensor in tensors.items():
        begin, end = tensor.data_offsets
        if not 0 <= begin <= end:
            raise HeaderError(f"{path.name}: {name[:80]} lies outside the file")
    return tensors, size - 8 - length


def gguf_header(path: Place) -> tuple[dict[str, gguf.Value], tuple[gguf.TensorInfo, ...]]:
    """The metadata and the tensors of a GGUF file. Raises HeaderError, OSError."""
    with path.open("rb") as file:
        try:
            metadata, tensors = gguf.read_header(file)
        except gguf.GgufError as error:
            raise HeaderError(f"{path.name}: {error}") from error
    if sum(tensor.bytes for tensor in tensors) > path.stat().st_size:
        raise HeaderError(f"{path.name}: its tensors lie outside the file")
    return metadata, tensors


def gguf_architecture(path: Place) -> str:
    """What `general.architecture` of a GGUF file says. Raises HeaderError, OSError."""
    with path.open("rb") as file:
        try:
            found = gguf.read_metadata(file, until=_ARCHITECTURE).get(_ARCHITECTURE)
        except gguf.GgufError as error:
            raise HeaderError(f"{path.name}: {error}") from error
    if not isinstance(found, str):
        raise HeaderError(f"{path.name}: no architecture is named")
    return found
