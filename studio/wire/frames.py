"""Frames on a byte stream: two big-endian lengths, a JSON header, a blob.

4 bytes header length | 4 bytes blob length | header | blob
"""

from __future__ import annotations

import asyncio
import struct
from typing import BinaryIO

from msgspec import Struct

LENGTHS = struct.Struct(">II")
MAX_HEADER = 32 * 2**20
MAX_BLOB = 256 * 2**20


class Frame(Struct, frozen=True):
    header: bytes
    blob: bytes = b""


class FrameError(Exception):
    """The stream does not hold frames (any more): garbage, an absurd length, or an end inside a frame."""


def encode(frame: Frame) -> bytes:
    return LENGTHS.pack(len(frame.header), len(frame.blob)) + frame.header + frame.blob


def _lengths(prefix: bytes) -> tuple[int, int]:
    header, blob = LENGTHS.unpack(prefix)
    if not 0 < header <= MAX_HEADER or blob > MAX_BLOB:
        raise FrameError(f"impossible frame lengths: {header}, {blob}")
    return header, blob


def read(stream: BinaryIO) -> Frame | None:
    """The next frame from a blocking stream, None at its end. Raises FrameError."""
    prefix = _exactly(stream, LENGTHS.size, may_end=True)
    if prefix is None:
        return None
    header_length, blob_length = _lengths(prefix)
    header = _exactly(stream, header_length)
    blob = _exactly(stream, blob_length)
    return Frame(header or b"", blob or b"")


def _exactly(stream: BinaryIO, length: int, *, may_end: bool = False) -> bytes | None:
    parts: list[bytes] = []
    missing = length
    while missing:
        part = stream.read(missing)
        if not part:
            if may_end and missing == length:
                return None
            raise FrameError("the stream ended inside a frame")
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


async def read_async(stream: asyncio.StreamReader) -> Frame | None:
    """The next frame from an asyncio stream, None at its end. Raises FrameError."""
    try:
        prefix = await stream.readexactly(LENGTHS.size)
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise FrameError("the stream ended inside a frame") from None
        return None
    header_length, blob_length = _lengths(prefix)
    try:
        header = await stream.readexactly(header_length)
        blob = await stream.readexactly(blob_length) if blob_length else b""
    except asyncio.IncompleteReadError:
        raise FrameError("the stream ended inside a frame") from None
    return Frame(header, blob)
