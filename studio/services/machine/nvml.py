"""NVIDIA's own library, which comes with the driver: raw readings of every GPU. Called by `native` only."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache
from typing import Any


def read() -> dict[str, Any]:
    """`{"gpus": [...]}` in the order of the bus, or `{"error": words}` when the driver does not answer.

    What one GPU does not tell is None. Bytes, milliwatts, degrees Celsius; `pcie` is generation and width.
    """
    library: Any = importlib.import_module("pynvml")
    try:
        _start()
        return {
            "gpus": [_gpu(library, index) for index in range(library.nvmlDeviceGetCount())],
            "driver": library.nvmlSystemGetDriverVersion(),
            "cuda": _ask(library, library.nvmlSystemGetCudaDriverVersion_v2),
        }
    except library.NVMLError as error:
        return {"error": str(error)}


@cache
def _start() -> None:
    """Once for the process: it takes tens of milliseconds. A failure is tried again."""
    importlib.import_module("pynvml").nvmlInit()


def _gpu(library: Any, index: int) -> dict[str, Any]:
    handle = library.nvmlDeviceGetHandleByIndex(index)

    def ask(name: str, *arguments: Any) -> Any:
        return _ask(library, getattr(library, f"nvmlDeviceGet{name}"), handle, *arguments)

    memory, busy, place = ask("MemoryInfo"), ask("UtilizationRates"), ask("PciInfo")
    generation, width = ask("MaxPcieLinkGeneration"), ask("MaxPcieLinkWidth")
    return {
        "name": library.nvmlDeviceGetName(handle),
        "uuid": library.nvmlDeviceGetUUID(handle),
        "bus": place.busId if place else None,
        # None too where a GPU shares the computer's memory.
        "total": int(memory.total) if memory else None,
        "free": int(memory.free) if memory else None,
        "percent": int(busy.gpu) if busy else None,
        "capability": ask("CudaComputeCapability"),
        "pcie": [generation, width],
        "milliwatts": ask("PowerUsage"),
        "temperature": ask("Temperature", library.NVML_TEMPERATURE_GPU),
        "processes": [
            {"pid": process.pid, "bytes": process.usedGpuMemory}
            for kind in ("Compute", "Graphics")
            for process in ask(f"{kind}RunningProcesses") or ()
        ],
    }


def _ask(library: Any, function: Callable[..., Any], *arguments: Any) -> Any:
    """None where this GPU or driver does not tell."""
    try:
        return function(*arguments)
    except library.NVMLError:
        return None
