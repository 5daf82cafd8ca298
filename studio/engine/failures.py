"""The one place where an exception becomes a `Failure`."""

from __future__ import annotations

import errno
import re
import sys
import traceback
from typing import Any

from studio.domain.failure import Failure, StudioError

DETAILS = 8000  # characters; the end of a traceback says most

# What libraries say when they have no class of their own for it.
OUT_OF_VRAM = re.compile(
    r"(CUDA|HIP|XPU|MPS backend) out of memory|(CUDA|HIP) error: out of memory"
    r"|CUBLAS_STATUS_ALLOC_FAILED|OUT_OF_DEVICE_MEMORY"
)
OUT_OF_RAM = re.compile(
    r"not enough memory|can't allocate memory|Cannot allocate memory|Failed to allocate memory"
    r"|std::bad_alloc|bad allocation"
)
LOST = re.compile(
    r"(CUDA|HIP) error|device-side assert|(CUDNN|CUBLAS)_STATUS_(INTERNAL|EXECUTION)|DEVICE_LOST|device lost"
)
ABSENT = re.compile(r"(?:file named|find the file|locate the file|no file named) ['\"]?([\w.\-/*]+)")
UNSUPPORTED = re.compile(r"not implemented for '(\w+)'|does not support (\w*float\w*|\w*int\d+)")


def explain(error: BaseException, *, device: str, name: str = "") -> Failure:
    """The failure that *error* is, on *device*, with the model titled *name*. Its values are JSON."""
    failure = _explain(error, device, name)
    values = {key: _plain(value) for key, value in failure.values.items()}
    details = failure.details or "".join(traceback.format_exception(error))
    return Failure(
        code=failure.code,
        values=values,
        details=details[-DETAILS:],
        retryable=failure.retryable,
        poison=failure.poison,
    )


def _explain(error: BaseException, device: str, name: str) -> Failure:
    if isinstance(error, StudioError):
        return error.failure
    text = str(error)
    if isinstance(error, _classes("torch", "OutOfMemoryError")) or OUT_OF_VRAM.search(text):
        return Failure(code="oom.gpu", retryable=True)
    if isinstance(error, MemoryError) or OUT_OF_RAM.search(text):
        return Failure(code="oom.ram", retryable=True)
    if isinstance(error, _classes("torch", "AcceleratorError")) or LOST.search(text):
        return Failure(code="device.lost", values={"device": device}, retryable=True, poison=True)
    if isinstance(error, OSError):
        return _of_system(error, text, name)
    if isinstance(error, _classes("safetensors", "SafetensorError")):
        return Failure(code="model.hash_mismatch", values={"name": name, "file": "*.safetensors"})
    if isinstance(error, RuntimeError | NotImplementedError | TypeError) and (
        found := UNSUPPORTED.search(text)
    ):
        return Failure(code="quant.unsupported", values={"name": name, "format": found[1] or found[2]})
    return _internal(error)


def _of_system(error: OSError, text: str, name: str) -> Failure:
    path = str(error.filename or "")
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return Failure(code="disk.full", values={"path": path or "?"}, retryable=True)
    if isinstance(error, FileNotFoundError) and name:
        file = path or text.rpartition(": ")[2]  # safetensors puts it into the sentence only
        return Failure(code="model.missing_file", values={"name": name, "file": file})
    # transformers and diffusers raise a bare OSError with a sentence.
    if error.errno is None and (found := ABSENT.search(text)):
        return Failure(code="model.missing_file", values={"name": name, "file": found[1].rstrip(".")})
    return _internal(error)


def _internal(error: BaseException) -> Failure:
    first = str(error).strip().partition("\n")[0]
    reason = f"{type(error).__name__}: {first}" if first else type(error).__name__
    return Failure(code="internal", values={"reason": reason[:300]})


def _classes(module: str, name: str) -> tuple[type[BaseException], ...]:
    """The exception class of a library, if that library was imported at all."""
    found = getattr(sys.modules.get(module), name, None)
    return (found,) if isinstance(found, type) else ()


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool) or value is None else str(value)
