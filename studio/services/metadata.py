"""What a file says of how it was made. Any file may come: it is read within bounds, and nothing in it runs.

Ours hold a `Record`: PNG, WAV and FLAC inside, others in a file beside them. Pictures of other
programs hold the A1111 text. Formats are told by content, and no picture or sound is decoded.
"""

from __future__ import annotations

import logging
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from msgspec import Struct

from studio.domain.infotext import CHUNK, LIMIT, parse_infotext
from studio.domain.record import Record, decode_record, sidecar
from studio.domain.request import Request

log = logging.getLogger(__name__)

PARAMETERS = "parameters"  # A1111's name
PNG = b"\x89PNG\r\n\x1a\n"
FLAC = b"fLaC"
RIFF, WAVE = b"RIFF", b"WAVE"
VORBIS_COMMENT = 4
MOST_CHUNKS = 200_000


class Metadata(Struct, frozen=True, kw_only=True):
    """`values` stand by our parameters' names: all of a request of ours, or what another's text says.

    `request` has the seed of this very file, so that it makes this one first; None for a file of
    another program. `other` is what was said and has no meaning here.
    """

    values: dict[str, Any]
    request: Request | None = None
    record: Record | None = None
    model: str = ""
    other: dict[str, str] = {}


def read_request(path: Path) -> Request | None:
    """The request that made the file at *path*, None if it is not one of ours. Never raises."""
    metadata = read(path)
    return metadata.request if metadata else None


def read(path: Path) -> Metadata | None:
    """What the file at *path* says, None if that is nothing that can be understood. Never raises."""
    try:
        with path.open("rb") as file:
            texts = _texts(file)
        record = _record(texts.get(CHUNK)) or _record(_beside(path))
    except OSError as error:
        log.info("%s cannot be read: %s", path.name, error)
        return None
    if record is not None:
        request = _with_own_seed(record)
        return Metadata(values=request.values, request=request, record=record, model=record.model_title)
    values = parse_infotext(texts.get(PARAMETERS, b"").decode("utf-8", "replace"))
    other: dict[str, str] = values.pop("other", {})
    model: str = values.pop("model", "")
    for name in ("model_hash", "version"):
        other |= {name: values.pop(name)} if name in values else {}
    return Metadata(values=values, model=model, other=other) if values else None


def _record(data: bytes | None) -> Record | None:
    return decode_record(data) if data else None


def _with_own_seed(record: Record) -> Request:
    request = record.request
    if record.seed is None or "seed" not in request.values:
        return request
    return msgspec.structs.replace(request, values={**request.values, "seed": record.seed})


def _beside(path: Path) -> bytes | None:
    try:
        with sidecar(path).open("rb") as file:
            data = file.read(LIMIT + 1)
    except FileNotFoundError:
        return None
    return data if len(data) <= LIMIT else None


def _texts(file: BinaryIO) -> dict[str, bytes]:
    """The texts, in UTF-8, that bear a name of ours: `CHUNK`, `PARAMETERS`."""
    start = file.read(12)
    if start.startswith(PNG):
        file.seek(len(PNG))
        return dict(_of_png(file))
    if start.startswith(RIFF) and start[8:] == WAVE:
        return dict(_of_wav(file))
    if start.startswith(FLAC):
        file.seek(len(FLAC))
        return dict(_of_flac(file))
    return {}


def _of_png(file: BinaryIO) -> Iterator[tuple[str, bytes]]:
    for _ in range(MOST_CHUNKS):
        head = file.read(8)
        if len(head) < 8:
            return
        length, kind = struct.unpack(">I4s", head)
        if kind in (b"tEXt", b"zTXt", b"iTXt") and length <= 2 * LIMIT:
            name, _, body = file.read(length).partition(b"\0")
            text = _png_text(kind, body) if name in (CHUNK.encode(), PARAMETERS.encode()) else None
            if text is not None:
                yield name.decode(), text
            file.seek(4, 1)  # the check sum
        else:
            file.seek(length + 4, 1)


def _png_text(kind: bytes, body: bytes) -> bytes | None:
    if kind == b"tEXt":
        return body.decode("latin-1").encode() if len(body) <= LIMIT else None
    if kind == b"zTXt":
        inflated = _inflate(body[1:])
        return inflated.decode("latin-1").encode() if inflated is not None else None
    compressed = body[:1] == b"\1"
    parts = body[2:].split(b"\0", 2)  # language, translated name, text
    if len(parts) < 3:
        return None
    text = _inflate(parts[2]) if compressed else parts[2]
    return text if text is not None and len(text) <= LIMIT else None


def _inflate(data: bytes) -> bytes | None:
    """None if it is broken, or becomes more than `LIMIT`."""
    stream = zlib.decompressobj()
    try:
        text = stream.decompress(data, LIMIT + 1)
    except zlib.error:
        return None
    return text if len(text) <= LIMIT else None


def _of_wav(file: BinaryIO) -> Iterator[tuple[str, bytes]]:
    """The comment in LIST/INFO; it is ours if it is a record."""
    for name, length in _riff_chunks(file):
        if name == b"LIST" and length >= 4 and file.read(4) == b"INFO":
            end = file.tell() + length - 4
            for entry, size in _riff_chunks(file, end):
                if entry == b"ICMT" and size <= LIMIT:
                    yield CHUNK, file.read(size).rstrip(b"\0")


def _riff_chunks(file: BinaryIO, end: int | None = None) -> Iterator[tuple[bytes, int]]:
    """Name and length of each chunk from here on, with *file* at its content."""
    for _ in range(MOST_CHUNKS):
        head = file.read(8)
        if len(head) < 8 or (end is not None and file.tell() > end):
            return
        name, length = struct.unpack("<4sI", head)
        content = file.tell()
        yield name, length
        file.seek(content + length + length % 2)


def _of_flac(file: BinaryIO) -> Iterator[tuple[str, bytes]]:
    """The Vorbis comment `COMMENT`; it is ours if it is a record."""
    for _ in range(128):  # a block's length has 24 bits, and there are few
        head = file.read(4)
        if len(head) < 4:
            return
        length = int.from_bytes(head[1:])
        if head[0] & 0x7F == VORBIS_COMMENT and length <= 2 * LIMIT:
            for comment in _comments(file.read(length)):
                name, _, value = comment.partition(b"=")
                if name.upper() == b"COMMENT" and len(value) <= LIMIT:
                    yield CHUNK, value
        else:
            file.seek(length, 1)
        if head[0] & 0x80:
            return


def _comments(block: bytes) -> Iterator[bytes]:
    """A vendor, a count, then the entries, each with its length before it."""
    at = 4 + int.from_bytes(block[:4], "little") + 4
    while at + 4 <= len(block):
        length = int.from_bytes(block[at : at + 4], "little")
        yield block[at + 4 : at + 4 + length]
        at += 4 + length
