"""Reads the structure of a torch checkpoint's pickle, in a process of its own that can do nothing else.

Run by path with `python -I -S -B`: only the standard library, no imports from the environment. The
pickle comes on stdin, a description of its tensors goes to stdout as JSON; their data never passes
here. Before the first byte is unpickled the process gives up opening files and sockets (no
descriptor beyond its three), memory and time; an audit hook ends it on anything that reaches out; and
the only globals a pickle may name are stand-ins defined below, which build plain data.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import sys
from typing import Any, NoReturn

MAX_PICKLE = 64 * 2**20
MEMORY = 1 * 2**30
CPU_SECONDS = 30
MAX_STEPS = 200_000
MAX_DEPTH = 12

_STORAGES = {
    "DoubleStorage": "F64",
    "FloatStorage": "F32",
    "HalfStorage": "F16",
    "BFloat16Storage": "BF16",
    "LongStorage": "I64",
    "IntStorage": "I32",
    "ShortStorage": "I16",
    "CharStorage": "I8",
    "ByteStorage": "U8",
    "BoolStorage": "BOOL",
}


class RefusedError(Exception):
    """The pickle asks for what a checkpoint does not need."""


class Table(dict[Any, Any]):
    """Stands for OrderedDict: keeps its entries, ignores what else a pickle would hang on it."""

    __slots__ = ()

    def __setstate__(self, state: Any) -> None:
        pass


class Dtype:
    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


class Storage:
    __slots__ = ("count", "dtype", "key")

    def __init__(self, key: str, dtype: str, count: int) -> None:
        self.key, self.dtype, self.count = key, dtype, count


class Tensor:
    __slots__ = ("offset", "shape", "storage", "stride")

    def __init__(
        self, storage: Storage, offset: int, shape: tuple[int, ...], stride: tuple[int, ...]
    ) -> None:
        self.storage, self.offset, self.shape, self.stride = storage, offset, shape, stride


def rebuild_tensor(storage: Any, offset: Any, shape: Any, stride: Any, *_: Any) -> Tensor:
    numbers = (offset, *shape, *stride)
    if not isinstance(storage, Storage) or any(type(n) is not int or n < 0 for n in numbers):
        raise RefusedError("a tensor of something else than numbers")
    return Tensor(storage, offset, tuple(shape), tuple(stride))


def rebuild_parameter(tensor: Any, *_: Any) -> Any:
    return tensor


def size(values: Any = ()) -> tuple[Any, ...]:
    return tuple(values)


_ALLOWED: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): Table,
    ("torch", "Size"): size,
    ("torch._utils", "_rebuild_tensor"): rebuild_tensor,
    ("torch._utils", "_rebuild_tensor_v2"): rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): rebuild_parameter,
    **{("torch", name): Dtype(kind) for name, kind in _STORAGES.items()},
}


class Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str, /) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise RefusedError(f"{module}.{name}") from None

    def persistent_load(self, pid: Any, /) -> Storage:
        if not isinstance(pid, tuple) or len(pid) != 5 or pid[0] != "storage":  # pyright: ignore[reportUnknownArgumentType]
            raise RefusedError("a reference to something else than a storage")
        dtype, key, count = pid[1], pid[2], pid[4]  # pyright: ignore[reportUnknownVariableType]
        if not isinstance(dtype, Dtype) or not isinstance(key, str) or type(count) is not int:  # pyright: ignore[reportUnknownArgumentType]
            raise RefusedError("a storage of unknown kind")
        return Storage(key, dtype.name, count)


def describe(data: bytes) -> dict[str, list[Any]]:
    """`{tensor name: [storage key, dtype, storage length, offset, shape, stride]}`; lengths in elements."""
    stream = io.BytesIO(data)
    root = Unpickler(stream).load()
    if stream.read(1):
        raise RefusedError("something follows the pickle")
    return _Walk().tensors_of(root)


class _Walk:
    """Collects the tensors of nested dictionaries, within bounds."""

    def __init__(self) -> None:
        self.found: dict[str, list[Any]] = {}
        self.steps = 0

    def tensors_of(self, root: Any) -> dict[str, list[Any]]:
        self.walk(root, "", 0)
        return self.found

    def walk(self, value: Any, name: str, depth: int) -> None:
        self.steps += 1
        if depth > MAX_DEPTH or self.steps > MAX_STEPS:
            raise RefusedError("too deep or too much")
        if isinstance(value, Tensor):
            of = value.storage
            self.found[name] = [of.key, of.dtype, of.count, value.offset, value.shape, value.stride]
        elif isinstance(value, dict):
            for key, entry in value.items():  # pyright: ignore[reportUnknownVariableType]
                if isinstance(key, str | int):
                    self.walk(entry, f"{name}.{key}" if name else str(key), depth + 1)


def _give_up_powers() -> None:
    """What the system can take away, then what Python can watch."""
    if sys.platform != "win32":
        import resource

        for limit, value in (
            (resource.RLIMIT_AS, MEMORY),
            (resource.RLIMIT_CPU, CPU_SECONDS),
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_FSIZE, MAX_PICKLE),
            (resource.RLIMIT_NPROC, 0),
            (resource.RLIMIT_NOFILE, 3),
        ):
            try:
                resource.setrlimit(limit, (value, value))
            except (ValueError, OSError):  # macOS refuses some; the others and the hook hold
                os.write(2, f"limit {limit} stays\n".encode())

    def hook(event: str, _: tuple[Any, ...]) -> None:
        if event not in ("pickle.find_class", "object.__getattr__", "code.__new__", "sys.unraisablehook"):
            _end(f"refused: {event}")

    sys.addaudithook(hook)


def _end(words: str) -> NoReturn:
    os.write(2, words.encode("utf-8", "replace")[:500] + b"\n")
    os._exit(3)


def main() -> None:
    """Exit codes: 0 described, 2 refused (stderr says what was asked for), 3 ended by a limit or the hook."""
    encoder = json.JSONEncoder()
    data = sys.stdin.buffer.read(MAX_PICKLE + 1)
    _give_up_powers()
    try:
        if len(data) > MAX_PICKLE:
            raise RefusedError("too large")
        words = encoder.encode(describe(data))
    except RefusedError as refusal:
        os.write(2, str(refusal).encode("utf-8", "replace")[:500])
        os._exit(2)
    except BaseException as error:  # noqa: BLE001 - whatever a broken pickle raises; nothing else runs here
        _end(f"{type(error).__name__}: {error}")
    out = words.encode()
    while out:
        out = out[os.write(1, out) :]
    os._exit(0)


if __name__ == "__main__":
    main()
