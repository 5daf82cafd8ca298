"""The devices that can compute: by name, and by trying."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import psutil

from studio.domain.failure import StudioError
from studio.engine.failures import OUT_OF_VRAM
from studio.wire.messages import DeviceState

if TYPE_CHECKING:
    from types import ModuleType

NAMES = re.compile(r"auto|cpu|mps|(?:cuda|xpu):\d{1,2}")
SIDE = 64


def resolve(name: str, accelerators: Callable[[], list[str]]) -> str:
    """The concrete device for *name* ("auto", "cpu", "cuda:N", "xpu:N", "mps").

    *accelerators* is asked for anything but "cpu". Raises StudioError `device.missing` for one that is
    not there.
    """
    if name == "cpu":
        return name
    if not NAMES.fullmatch(name):
        raise StudioError("device.missing", device=name)
    there = accelerators()
    if name == "auto":
        return there[0] if there else "cpu"
    if name not in there:
        raise StudioError("device.missing", device=name)
    return name


def accelerators() -> list[str]:
    """The accelerators that torch sees, the best kind first. Imports torch."""
    import torch

    found = [f"cuda:{n}" for n in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    if torch.xpu.is_available():
        found += [f"xpu:{n}" for n in range(torch.xpu.device_count())]
    if torch.backends.mps.is_available():
        found.append("mps")
    return found


def threads(wanted: int) -> int:
    """The number of CPU threads to compute with: *wanted*, or with 0 one per physical core we may use."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return wanted or max(1, min(psutil.cpu_count(logical=False) or allowed, allowed))


def probe() -> tuple[DeviceState, ...]:
    """Every device, each tried with a small product of matrices. Imports torch."""
    return tuple(_try(device) for device in ("cpu", *accelerators()))


def _try(device: str) -> DeviceState:
    import torch

    name, total, free = _figures(torch, device)
    try:
        left = torch.arange(SIDE * SIDE, dtype=torch.float32).reshape(SIDE, SIDE) / SIDE
        right = left.T.contiguous()
        result = (left.to(device) @ right.to(device)).cpu()
        # Against another way to compute it, within what half-precision matrix units lose.
        expected = (left[:, None, :].double() * left[None, :, :].double()).sum(-1)
        wrong = not torch.allclose(result.double(), expected, rtol=0.02)
        reason = "device.wrong" if wrong else ""
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        full = OUT_OF_VRAM.search(str(error))  # as one may be that is at work
        reason = "" if full else str(error).strip().partition("\n")[0] or type(error).__name__
    return DeviceState(
        device=device,
        name=name,
        usable=not reason,
        memory_total_bytes=total,
        memory_free_bytes=free,
        reason=reason,
    )


def _figures(torch: ModuleType, device: str) -> tuple[str, int | None, int | None]:
    """Name, memory in all and free memory in bytes."""
    if device == "cpu":
        memory = psutil.virtual_memory()
        return "CPU", memory.total, memory.available
    if device == "mps":
        return "Apple GPU", torch.mps.recommended_max_memory(), None
    module: Any = getattr(torch, device.partition(":")[0])
    try:
        properties = module.get_device_properties(device)
        free = module.mem_get_info(device)[0] if hasattr(module, "mem_get_info") else None
    except RuntimeError:  # seen but not usable; the trial says why
        return device, None, None
    return properties.name, properties.total_memory, free
