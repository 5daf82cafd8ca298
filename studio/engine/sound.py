"""Samples to the bytes of a sound file, with its metadata."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

from studio.domain.failure import StudioError
from studio.engine.metadata import DIGITAL_SOURCE_TYPE, SOFTWARE, Metadata

if TYPE_CHECKING:
    import numpy as np

FORMATS = {"wav": "audio/wav", "flac": "audio/flac"}
STREAMINFO, VORBIS_COMMENT, LAST = 0, 4, 0x80


def to_pcm(samples: np.ndarray) -> np.ndarray:
    """16-bit samples (n, channels) from floats in -1..1, (n,) or (n, channels); louder ones are clipped.

    Raises StudioError `output.suspect` for no samples, silence, or what is not a number.
    """
    import numpy as np

    samples = np.asarray(samples, dtype=np.float32)
    if samples.ndim == 1:
        samples = samples[:, None]
    if not samples.size or not np.isfinite(samples).all() or not samples.any():
        raise StudioError("output.suspect", retryable=True)
    return np.round(np.clip(samples, -1, 1) * 32767).astype("<i2")


def wav(pcm: np.ndarray, rate: int, metadata: Metadata) -> bytes:
    """A WAV file: LIST/INFO holds the record (ICMT), the program and the label; `_PMX` the XMP packet."""
    channels = pcm.shape[1]
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * channels * 2, channels * 2, 16)
    info = [(b"ISFT", SOFTWARE), (b"ICMT", metadata.record)]
    if metadata.label:
        info.append((b"AIGC", metadata.label))
    body = b"".join(
        (
            b"WAVE",
            _chunk(b"fmt ", form),
            _chunk(b"data", pcm.tobytes()),  # before the rest: simple players expect it at byte 44
            _chunk(b"LIST", b"INFO" + b"".join(_chunk(name, text.encode() + b"\0") for name, text in info)),
            _chunk(b"_PMX", metadata.xmp.encode()),
        )
    )
    return _chunk(b"RIFF", body)


def _chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def flac(pcm: np.ndarray, rate: int, metadata: Metadata) -> bytes:
    """A FLAC file with Vorbis comments: the record (COMMENT), the program, the source type and the label."""
    import soundfile

    buffer = io.BytesIO()
    soundfile.write(buffer, pcm, rate, format="FLAC", subtype="PCM_16")
    data = buffer.getvalue()
    blocks: list[tuple[int, bytes]] = []
    at, last = 4, False
    while not last:
        last, kind = bool(data[at] & LAST), data[at] & ~LAST
        length = int.from_bytes(data[at + 1 : at + 4])
        if kind != VORBIS_COMMENT:
            blocks.append((kind, data[at + 4 : at + 4 + length]))
        at += 4 + length
    comments = {"SOFTWARE": SOFTWARE, "DIGITALSOURCETYPE": DIGITAL_SOURCE_TYPE, "COMMENT": metadata.record}
    if metadata.label:
        comments["AIGC"] = metadata.label
    blocks.insert(1, (VORBIS_COMMENT, _comments(comments)))  # STREAMINFO must stay the first
    parts = [b"fLaC"]
    for n, (kind, content) in enumerate(blocks, 1):
        parts.append(bytes([kind | (LAST if n == len(blocks) else 0)]) + len(content).to_bytes(3) + content)
    return b"".join(parts) + data[at:]


def _comments(comments: dict[str, str]) -> bytes:
    def string(text: str) -> bytes:
        data = text.encode()
        return struct.pack("<I", len(data)) + data

    entries = [string(f"{name}={value}") for name, value in comments.items()]
    return string(SOFTWARE) + struct.pack("<I", len(entries)) + b"".join(entries)
