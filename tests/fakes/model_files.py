"""Small model files, byte by byte: right ones, and ones that lie."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any


def safetensors(tensors: dict[str, tuple[str, list[int], bytes]], **metadata: str) -> bytes:
    """A safetensors file of `{name: (dtype, shape, data)}`."""
    header: dict[str, Any] = {"__metadata__": metadata} if metadata else {}
    data = b""
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    words = json.dumps(header).encode()
    return struct.pack("<Q", len(words)) + words + data


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def gguf(*entries: bytes, version: int = 3, count: int | None = None) -> bytes:
    number = len(entries) if count is None else count
    return b"GGUF" + struct.pack("<IQQ", version, 0, number) + b"".join(entries)


def gguf_text(key: str, value: str) -> bytes:
    return text(key) + struct.pack("<I", 8) + text(value)


def gguf_number(key: str, value: int) -> bytes:
    return text(key) + struct.pack("<II", 4, value)


def gguf_array(key: str, kind: int, count: int, content: bytes) -> bytes:
    return text(key) + struct.pack("<IIQ", 9, kind, count) + content


TINY = safetensors({"weight": ("F32", [2], b"\0" * 8)})


def write(folder: Path, files: dict[str, bytes | dict[str, Any]]) -> Path:
    """Put *files* into *folder*; a dict becomes JSON."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return folder
