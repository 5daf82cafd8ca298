"""Tries every device with a small product of matrices: run as a program, so that a driver may crash in it.

Each line of its output is a message as JSON: `{"build": ...}` first, then for each device `{"trying": name}`
and `{"device": ...}`. Devices named as arguments are left out.
"""

from __future__ import annotations

import json
import os
import sys
from types import ModuleType
from typing import Any

import msgspec
import psutil

from studio.domain.machine import TorchBuild
from studio.engine import device
from studio.engine.failures import OUT_OF_VRAM
from studio.engine.lifeline import die_with_parent
from studio.wire import offline
from studio.wire.messages import DeviceState

SIDE = 64
_FIRST = {"cuda": "cuda:0", "rocm": "cuda:0", "xpu": "xpu:0", "mps": "mps"}


def main(parent: int, without: list[str]) -> None:
    """Ends with *parent*, whose output it writes to."""
    die_with_parent(parent)
    offline.forbid_sockets()
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no message

    def say(**message: Any) -> None:
        out.write(json.dumps(message) + "\n")
        out.flush()

    import torch

    build = _build(torch)
    say(build=msgspec.to_builtins(build))
    names = ["cpu"]
    while names:
        name = names.pop(0)
        if name not in without:
            say(trying=name)
            say(device=msgspec.to_builtins(_try(torch, name)))
        if name == "cpu" and build.kind in _FIRST:
            say(trying=_FIRST[build.kind])  # already looking for them may be too much for a driver
            names = device.accelerators()


def _build(torch: ModuleType) -> TorchBuild:
    version: Any = torch.version
    flags = getattr(torch._C, "_cuda_getArchFlags", None)  # what it was built for, with or without a GPU
    return TorchBuild(
        version=str(torch.__version__),
        cuda=version.cuda,
        hip=version.hip,
        xpu=getattr(version, "xpu", None),
        mps=torch.backends.mps.is_built(),
        architectures=tuple((flags() or "").split()) if flags else (),
    )


def _try(torch: Any, name: str) -> DeviceState:
    words, total, free = _figures(torch, name)
    try:
        left = torch.arange(SIDE * SIDE, dtype=torch.float32).reshape(SIDE, SIDE) / SIDE
        right = left.T.contiguous()
        result = (left.to(name) @ right.to(name)).cpu()
        # Against another way to compute it, within what half-precision matrix units lose.
        expected = (left[:, None, :].double() * left[None, :, :].double()).sum(-1)
        wrong = not torch.allclose(result.double(), expected, rtol=0.02)
        reason = "device.wrong" if wrong else ""
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        full = OUT_OF_VRAM.search(str(error))  # as one may be that is at work
        reason = "" if full else str(error).strip().partition("\n")[0] or type(error).__name__
    return DeviceState(
        device=name,
        name=words,
        usable=not reason,
        memory_total_bytes=total,
        memory_free_bytes=free,
        reason=reason,
    )


def _figures(torch: Any, name: str) -> tuple[str, int | None, int | None]:
    """Name, memory in all and free memory in bytes."""
    if name == "cpu":
        memory = psutil.virtual_memory()
        return "CPU", memory.total, memory.available
    if name == "mps":
        return "Apple GPU", torch.mps.recommended_max_memory(), None
    module: Any = getattr(torch, name.partition(":")[0])
    try:
        properties = module.get_device_properties(name)
        free = module.mem_get_info(name)[0] if hasattr(module, "mem_get_info") else None
    except RuntimeError:  # seen but not usable; the trial says why
        return name, None, None
    return properties.name, properties.total_memory, free


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
