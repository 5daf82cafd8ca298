"""Which processor, how many of its cores this process may use, and what they can compute."""

from __future__ import annotations

import math
from typing import Any

from studio.domain.machine import Cpu
from studio.services.machine import cgroups
from studio.services.machine.sources import Sources

# What speeds up models; the hundred others say nothing here.
FLAGS = (
    "sse4_2", "f16c", "fma", "avx", "avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16",
    "avx512_fp16", "amx_tile", "amx_int8", "amx_bf16",
    "asimd", "asimdhp", "asimddp", "bf16", "i8mm", "sve", "sve2",
)  # fmt: skip
_MAC_NAMES = {
    "avx1_0": "avx", "avx2_0": "avx2", "AdvSIMD": "asimd",
    "FEAT_DotProd": "asimddp", "FEAT_FP16": "asimdhp", "FEAT_BF16": "bf16", "FEAT_I8MM": "i8mm",
}  # fmt: skip


def read(sources: Sources, system: dict[str, str]) -> Cpu:
    """The processor; counts are of what this process may use."""
    cores: dict[str, Any] = sources.read("cores") or {}
    blocks = _blocks(sources.read("text", "/proc/cpuinfo") or "")
    usable: list[int] | None = cores.get("usable")
    logical = len(usable) if usable else cores.get("logical") or len(blocks) or 1
    physical = _physical(blocks, usable) or cores.get("physical")
    quota = cgroups.cpus(sources) if system.get("system") == "linux" else None
    if quota is not None:
        logical = min(logical, max(1, math.ceil(quota)))
    name, flags = _identity(sources, system, blocks)
    return Cpu(
        name=name or system.get("machine", ""),
        physical_cores=min(physical, logical) if physical else None,
        logical_cores=logical,
        flags=tuple(flag for flag in FLAGS if flag in flags),
    )


def _blocks(cpuinfo: str) -> list[dict[str, str]]:
    """Linux's description of each logical core."""
    blocks: list[dict[str, str]] = []
    for part in cpuinfo.split("\n\n"):
        pairs = (line.partition(":") for line in part.splitlines())
        block = {name.strip(): value.strip() for name, colon, value in pairs if colon}
        if block:
            blocks.append(block)
    return blocks


def _physical(blocks: list[dict[str, str]], usable: list[int] | None) -> int | None:
    """Distinct cores among the usable logical ones, None when Linux does not tell which belong together."""
    pairs = {
        (block["physical id"], block["core id"])
        for block in blocks
        if "core id" in block
        and "physical id" in block
        and (usable is None or int(block.get("processor", -1)) in usable)
    }
    return len(pairs) or None


def _identity(sources: Sources, system: dict[str, str], blocks: list[dict[str, str]]) -> tuple[str, set[str]]:
    match system.get("system"):
        case "linux":
            first = blocks[0] if blocks else {}
            name = first.get("model name") or next(
                (block["Hardware"] for block in blocks if "Hardware" in block), ""
            )
            name = name or sources.read("text", "/proc/device-tree/model") or ""
            return name, set((first.get("flags") or first.get("Features") or "").lower().split())
        case "darwin":
            name = sources.read("command", "sysctl", "-n", "machdep.cpu.brand_string") or ""
            return name, _mac_flags(sources.read("command", "sysctl", "hw.optional") or "")
        case "win32":
            found: dict[str, Any] = sources.read("windows_cpu") or {}
            return found.get("name", ""), set(found.get("flags", ()))
        case _:
            return "", set()


def _mac_flags(listing: str) -> set[str]:
    """From lines such as `hw.optional.arm.FEAT_BF16: 1`."""
    flags: set[str] = set()
    for line in listing.splitlines():
        name, _, value = line.partition(":")
        if value.strip() == "1":
            last = name.removeprefix("hw.optional.").removeprefix("arm.")
            flags.add(_MAC_NAMES.get(last, last.lower()))
    return flags
