"""NVIDIA's own library, which comes with the driver: raw readings of every GPU."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any


def read() -> dict[str, Any]:
    """`{"gpus": [...]}` in the order of the bus, or `{"error": words}` when the driver does not answer."""
    library: Any = importlib.import_module("pynvml")  # takes a moment, and most computers need it once
    try:
        _start()
        count = library.nvmlDeviceGetCount()
        return {
            "gpus": [_gpu(library, index) for index in range(count)],
            "driver": library.nvmlSystemGetDriverVersion(),
        }
    except library.NVMLError as error:
        return {"error": str(error)}


@cache
def _start() -> None:
    """Once for the process: it takes tens of milliseconds. A failure is tried again."""
    importlib.import_module("pynvml").nvmlInit()


def _gpu(library: Any, index: int) -> dict[str, Any]:
    handle = library.nvmlDeviceGetHandleByIndex(index)
    gpu: dict[str, Any] = {
        "name": library.nvmlDeviceGetName(handle),
        "uuid": library.nvmlDeviceGetUUID(handle),
        "total": None,
        "free": None,
        "percent": None,
    }
    try:  # a GPU that shares the computer's memory has no figures of its own
        memory = library.nvmlDeviceGetMemoryInfo(handle)
        gpu |= {"total": int(memory.total), "free": int(memory.free)}
    except library.NVMLError as error:
        gpu["memory_error"] = str(error)
    try:
        gpu["percent"] = int(library.nvmlDeviceGetUtilizationRates(handle).gpu)
    except library.NVMLError as error:
        gpu["percent_error"] = str(error)
    return gpu
