"""Small model files, byte by byte: right ones, and ones that lie."""

from __future__ import annotations

import io
import json
import struct
import zipfile
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


def wheel_bytes(name: str, version: str, members: dict[str, bytes]) -> bytes:
    """A real wheel of pure data."""
    package = name.replace("-", "_")
    info = f"{package}-{version}.dist-info"
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members.items():
            archive.writestr(member, content)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return data.getvalue()


def checkpoint(path: Path, pickled: bytes, storages: dict[str, bytes] | None = None) -> Path:
    """A torch checkpoint of the zip kind around *pickled*."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("m/data.pkl", pickled)
        archive.writestr("m/version", "3\n")
        for key, data in (storages or {}).items():
            archive.writestr(f"m/data/{key}", data)
    return path


def pickled_tensor(
    key: str, count: int, shape: tuple[int, ...], stride: tuple[int, ...], offset: int = 0
) -> bytes:
    """A pickled `{"w": tensor}` of float32 as torch writes it, with whatever numbers are wanted."""

    def named(module: str, name: str) -> bytes:
        return f"c{module}\n{name}\n".encode()

    def number(value: int) -> bytes:
        return b"\x8a" + bytes([10]) + value.to_bytes(10, "little", signed=True)

    def numbers(values: tuple[int, ...]) -> bytes:
        return b"(" + b"".join(map(number, values)) + b"t"

    def word(value: str) -> bytes:
        return b"X" + struct.pack("<I", len(value.encode())) + value.encode()

    storage = b"(" + word("storage") + named("torch", "FloatStorage") + word(key) + word("cpu")
    storage += number(count) + b"tQ"
    rebuilt = named("torch._utils", "_rebuild_tensor_v2") + b"(" + storage + number(offset) + numbers(shape)
    return b"\x80\x02}" + word("w") + rebuilt + numbers(stride) + b"\x89Nt" + b"Rs."
