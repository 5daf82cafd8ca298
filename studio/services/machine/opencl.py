"""What OpenCL shows, where pyopencl is installed. Called by `native` only."""

from __future__ import annotations

import importlib
from typing import Any

_KINDS = {"CPU": 1 << 1, "GPU": 1 << 2, "ACCELERATOR": 1 << 3}


def read() -> list[dict[str, Any]]:
    """`[{"platform", "vendor", "name", "type", "memory" in bytes}]`. Raises ImportError."""
    library: Any = importlib.import_module("pyopencl")
    try:
        platforms = library.get_platforms()
    except library.Error:  # a loader without any driver
        return []
    return [
        {
            "platform": str(platform.name),
            "vendor": str(device.vendor),
            "name": str(device.name).strip(),
            "type": next((kind for kind, bit in _KINDS.items() if device.type & bit), ""),
            "memory": int(device.global_mem_size),
        }
        for platform in platforms
        for device in platform.get_devices()
    ]
