"""Turns a torch checkpoint into safetensors without ever unpickling it in this process.

The pickle's structure is read by `unpickle.py` in a locked process; the numbers lie uncompressed in
the checkpoint's zip and are copied from there, bit for bit.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np

from studio.domain.failure import StudioError
from studio.domain.model import Conversion
from studio.services.library import unpickle
from studio.wire import files

log = logging.getLogger(__name__)

SECONDS = 60
MAX_ENTRIES = 200_000
MAX_GROWTH = 64 * 2**20
_SIZES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1, "BOOL": 1}

Description = dict[str, tuple[str, str, int, int, tuple[int, ...], tuple[int, ...]]]


class CheckpointError(Exception):
    """The checkpoint is broken or asks for what checkpoints do not need; the text says what."""


def convert(conversion: Conversion, folder: Path, name: str) -> None:
    """Replace the checkpoint in *folder* by its target and config.json; *name* is for messages.

    Raises StudioError `model.unsafe`, OSError.
    """
    source, target = folder / conversion.source, folder / conversion.target
    if source.exists():
        try:
            to_safetensors(source, target, conversion.key)
        except CheckpointError as error:
            raise StudioError(
                "model.unsafe", name=name, what=conversion.source, details=str(error)
            ) from error
        files.write(folder / "config.json", msgspec.json.format(msgspec.json.encode(conversion.config)))
        source.unlink()


def to_safetensors(source: Path, target: Path, key: str = "") -> None:
    """Write the tensors below *key* (a dotted path into the checkpoint; all if empty) to *target*.

    Raises CheckpointError, OSError.
    """
    try:
        with zipfile.ZipFile(source) as archive:
            root = _root(archive)
            description = describe(_read(archive, f"{root}/data.pkl", unpickle.MAX_PICKLE))
            prefix = f"{key}." if key else ""
            chosen = {
                tensor[len(prefix) :]: entry
                for tensor, entry in description.items()
                if tensor.startswith(prefix)
            }
            if not chosen:
                raise CheckpointError("it holds no tensors where they should be")
            _write(archive, root, chosen, target)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError) as error:
        raise CheckpointError(f"not a checkpoint: {error}") from error


def contents(source: Path) -> Description:
    """What tensors the checkpoint *source* describes; no data is read. Raises CheckpointError, OSError."""
    try:
        with zipfile.ZipFile(source) as archive:
            root = _root(archive)
            return describe(_read(archive, f"{root}/data.pkl", unpickle.MAX_PICKLE))
    except (zipfile.BadZipFile, NotImplementedError, EOFError, RuntimeError) as error:
        raise CheckpointError(f"not a checkpoint: {error}") from error


def describe(pickled: bytes) -> Description:
    """What tensors a pickle describes, as told by the locked process. Raises CheckpointError."""
    command = [sys.executable, "-I", "-S", "-B", unpickle.__file__]
    bare = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}
    try:
        done = subprocess.run(
            command,
            input=pickled,
            capture_output=True,
            timeout=SECONDS,
            check=False,
            env=bare,
            cwd=os.path.sep,
        )
    except subprocess.TimeoutExpired as error:
        raise CheckpointError("reading it took too long") from error
    if done.returncode != 0:
        words = done.stderr.decode("utf-8", "replace").strip()[-500:]
        raise CheckpointError(words or f"its reader ended with {done.returncode}")
    try:
        return msgspec.json.decode(done.stdout, type=Description)
    except msgspec.MsgspecError as error:
        raise CheckpointError(f"its reader said nonsense: {error}") from error


def _root(archive: zipfile.ZipFile) -> str:
    """The one folder that everything in the zip lies in."""
    names = archive.namelist()
    if len(names) > MAX_ENTRIES or len(names) != len(set(names)):
        raise CheckpointError("the archive has too many or repeated entries")
    roots = [
        name.removesuffix("/data.pkl")
        for name in names
        if name.count("/") == 1 and name.endswith("/data.pkl")
    ]
    if len(roots) != 1:
        raise CheckpointError("not a torch checkpoint of the zip kind")
    return roots[0]


def _read(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    try:
        info = archive.getinfo(name)
    except KeyError:
        raise CheckpointError(f"{name} is missing") from None
    if info.compress_type != zipfile.ZIP_STORED or info.file_size > limit:
        raise CheckpointError(f"{name} is compressed or too large")
    return archive.read(info)


def _write(archive: zipfile.ZipFile, root: str, tensors: Description, target: Path) -> None:
    """The safetensors format: a length, a JSON header, the data. The same input gives the same bytes."""
    header: dict[str, Any] = {}
    end = 0
    # Views may repeat data, but not without end.
    room = MAX_GROWTH + 2 * sum(info.file_size for info in archive.infolist())
    for name in sorted(tensors):
        _, dtype, _, _, shape, _ = tensors[name]
        length = _SIZES[dtype] * int(np.prod(shape, dtype=object)) if dtype in _SIZES else -1
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": (end, end + length)}
        end += length
        if length < 0 or end > room:
            raise CheckpointError(f"{name}: {dtype} {shape}")
    words = msgspec.json.encode(header)
    words += b" " * (-len(words) % 8)
    part = target.with_name(target.name + files.PART)
    try:
        with part.open("wb") as file:
            file.write(len(words).to_bytes(8, "little") + words)
            for name in sorted(tensors):
                _copy(archive, root, name, tensors[name], file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _copy(archive: zipfile.ZipFile, root: str, name: str, entry: tuple[Any, ...], file: BinaryIO) -> None:
    key, dtype, count, offset, shape, stride = entry
    size = _SIZES[dtype]
    data = _read(archive, f"{root}/data/{key}", 2**40)
    reach = offset + sum((n - 1) * step for n, step in zip(shape, stride, strict=False)) + 1
    if len(shape) != len(stride) or len(data) != count * size or (0 not in shape and reach > count):
        raise CheckpointError(f"{name} reaches outside its data")
    # Bytes stay bytes: an element is a block of them, so that no number is ever interpreted.
    elements = np.frombuffer(data, dtype=np.dtype((np.void, size)))
    steps = tuple(step * size for step in stride)
    view = np.ndarray(shape, elements.dtype, elements.data, offset * size if 0 not in shape else 0, steps)
    file.write(np.ascontiguousarray(view).tobytes())
