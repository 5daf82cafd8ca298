"""Which processor, how many of its cores this process may use, and what they can compute."""

from __future__ import annotations

import math
import re
from typing import Any, cast

import msgspec

from studio.domain.machine import Cpu
from studio.services.machine import cgroups
from studio.services.machine.lscpu import read as read_lscpu
from studio.services.machine.parse import count, decimal, fields, lines, table, value, whole, words
from studio.services.machine.sources import SYSCTL, Sources

# What speeds up models; the hundred others say nothing here.
FLAGS = (
    "sse4_2", "f16c", "fma", "avx", "avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16",
    "avx512_fp16", "amx_tile", "amx_int8", "amx_bf16", "amx_fp16",
    "neon", "asimd", "asimdhp", "asimddp", "bf16", "i8mm", "sve", "sve2", "sme", "sme2",
)  # fmt: skip
_MAC_NAMES = {
    "hw.optional.arm.AdvSIMD": "asimd", "hw.optional.AdvSIMD": "asimd",
    "hw.optional.arm.FEAT_DotProd": "asimddp", "hw.optional.arm.FEAT_FP16": "asimdhp",
    "hw.optional.arm.FEAT_BF16": "bf16", "hw.optional.arm.FEAT_I8MM": "i8mm",
    "hw.optional.arm.FEAT_SME": "sme", "hw.optional.arm.FEAT_SME2": "sme2",
}  # fmt: skip
_MAC_INTEL = {"sse4.2": "sse4_2", "avx1.0": "avx"}
# Arm's and its licensees' cores by implementer and part, as their manuals number them.
_ARM = {
    "0x41": {
        "0xd03": "Cortex-A53", "0xd04": "Cortex-A35", "0xd05": "Cortex-A55", "0xd07": "Cortex-A57",
        "0xd08": "Cortex-A72", "0xd09": "Cortex-A73", "0xd0a": "Cortex-A75", "0xd0b": "Cortex-A76",
        "0xd0c": "Neoverse-N1", "0xd0d": "Cortex-A77", "0xd40": "Neoverse-V1", "0xd41": "Cortex-A78",
        "0xd42": "Cortex-A78AE", "0xd44": "Cortex-X1", "0xd46": "Cortex-A510", "0xd47": "Cortex-A710",
        "0xd48": "Cortex-X2", "0xd49": "Neoverse-N2", "0xd4d": "Cortex-A715", "0xd4e": "Cortex-X3",
        "0xd4f": "Neoverse-V2", "0xd80": "Cortex-A520", "0xd81": "Cortex-A720", "0xd82": "Cortex-X4",
        "0xd84": "Neoverse-V3", "0xd85": "Cortex-X925", "0xd87": "Cortex-A725", "0xd8e": "Neoverse-N3",
    },
    "0x48": {"0xd01": "Kunpeng 920"},
    "0x4e": {"0x004": "NVIDIA Carmel", "0x010": "NVIDIA Olympus"},
    "0x51": {"0x001": "Qualcomm Oryon"},
    "0xc0": {"0xac3": "Ampere-1", "0xac4": "Ampere-1a"},
}  # fmt: skip
_CPU = "/sys/devices/system/cpu/cpu"
MOST_CORES = 4096
MOST_HZ = 20_000_000_000


def read(sources: Sources, system: dict[str, str]) -> Cpu:
    """The processor; counts are of what this process may use."""
    cores = table(sources.read("cores"))
    match system.get("system"):
        case "linux":
            cpu = _linux(sources, cores)
        case "darwin":
            cpu = _mac(sources, cores)
        case "win32":
            cpu = _windows(sources, cores)
        case _:
            cpu = Cpu(logical_cores=_logical(cores), physical_cores=count(cores.get("physical"), MOST_CORES))
    name = " ".join(cpu.name.split()) or system.get("machine", "")
    return msgspec.structs.replace(_allowed(cpu, sources, system), name=name)


def _allowed(cpu: Cpu, sources: Sources, system: dict[str, str]) -> Cpu:
    """No more cores than a container has the time of."""
    if system.get("system") != "linux":
        return cpu
    try:
        quota = cgroups.cpus(sources)
    except cgroups.Unreadable:
        return msgspec.structs.replace(cpu, physical_cores=None, logical_cores=None)
    most = MOST_CORES if quota is None else max(1, math.ceil(quota))
    logical = min(cpu.logical_cores, most) if cpu.logical_cores else None
    physical = min(cpu.physical_cores, logical or most) if cpu.physical_cores else None
    return msgspec.structs.replace(cpu, physical_cores=physical, logical_cores=logical)


def _usable(cores: dict[str, Any]) -> list[int] | None:
    given: Any = cores.get("usable")
    return cast("list[int]", given) if isinstance(given, list) and given else None


def _logical(cores: dict[str, Any]) -> int | None:
    usable = _usable(cores)
    return len(usable) if usable else count(cores.get("logical"), MOST_CORES)


# --- Linux ----------------------------------------------------------------------------------------


def _linux(sources: Sources, cores: dict[str, Any]) -> Cpu:
    text = sources.read("text", "/proc/cpuinfo")
    blocks = _blocks(text)
    more = read_lscpu(sources) if text is None else Cpu()
    first = blocks[0] if blocks else {}
    flags = set((first.get("flags") or first.get("Features") or "").lower().split()) or set(more.flags)
    physical = count(cores.get("physical"), MOST_CORES)
    l1d, l2, l3 = (_cache(sources, level) for level in (1, 2, 3))
    return Cpu(
        name=_name(blocks) or more.name or value(sources.read("text", "/proc/device-tree/model")),
        physical_cores=_physical(blocks, _usable(cores)) or physical or more.physical_cores,
        logical_cores=_logical(cores) or more.logical_cores,
        flags=tuple(flag for flag in FLAGS if flag in flags),
        l1d_bytes=l1d or more.l1d_bytes,
        l2_bytes=l2 or more.l2_bytes,
        l3_bytes=l3 or more.l3_bytes,
        frequency_max_hz=_max_frequency(sources) or more.frequency_max_hz,
        frequency_now_hz=_frequency_now(blocks, count(cores.get("logical"), MOST_CORES)),
        governor=value(sources.read("text", f"{_CPU}0/cpufreq/scaling_governor")) or None,
    )


def _blocks(cpuinfo: str | None) -> list[dict[str, str]]:
    """Linux's description of each logical core; on some boards, a last one of the board."""
    parts = "\n".join(lines(cpuinfo)).split("\n\n")
    return [block for part in parts if (block := fields(part.splitlines()))]


def _name(blocks: list[dict[str, str]]) -> str:
    """Of Arm's cores the kernel gives numbers; a processor may have several kinds."""
    parts = {
        _ARM.get(block.get("CPU implementer", ""), {}).get(block.get("CPU part", ""), ""): None
        for block in blocks
        if "CPU part" in block
    }
    if parts and "" not in parts:
        return " + ".join(parts)
    said = (block.get("model name") or block.get("Hardware") for block in blocks)
    return next((name for name in said if name), "")


def _physical(blocks: list[dict[str, str]], usable: list[int] | None) -> int | None:
    """Distinct cores among the usable logical ones, None unless Linux tells where each of them belongs."""
    if usable is None:
        return None
    places = {
        whole(block.get("processor")): (block["physical id"], block["core id"])
        for block in blocks
        if "core id" in block and "physical id" in block
    }
    if any(core not in places for core in usable):
        return None
    mine = {places[core] for core in usable}
    return len(mine) if all(whole(part) is not None for place in mine for part in place) else None


def _frequency_now(blocks: list[dict[str, str]], logical: int | None) -> int | None:
    if not blocks or (logical is not None and len(blocks) != logical):
        return None
    clocks = [decimal(block.get("cpu MHz")) for block in blocks]
    known = [clock for clock in clocks if clock]
    return _hertz(max(known), 1e6) if len(known) == len(blocks) else None


def _max_frequency(sources: Sources) -> int | None:
    files: list[str] = sources.read("glob", f"{_CPU}[0-9]*/cpufreq/cpuinfo_max_freq") or []
    clocks = [whole(value(sources.read("text", file))) for file in files]
    known = [clock for clock in clocks if clock]
    return _hertz(max(known), 1e3) if known and len(known) == len(files) else None


def _hertz(number: float, unit: float) -> int | None:
    hertz = round(number * unit)
    return hertz if hertz <= MOST_HZ else None


def _cache(sources: Sources, level: int) -> int | None:
    """The largest cache of *level* that holds data, in bytes."""
    found: list[int] = []
    files: list[str] = sources.read("glob", f"{_CPU}[0-9]*/cache/index*/size") or []
    for file in files:
        folder = file.removesuffix("/size")
        at, kind = (value(sources.read("text", f"{folder}/{name}")) for name in ("level", "type"))
        if not at or not kind:
            return None
        if at == str(level) and kind in ("Data", "Unified"):
            size = re.fullmatch(r"([0-9]{1,9})K", value(sources.read("text", file)))
            if size is None:
                return None
            found.append(int(size[1]) * 1024)
    return max(found, default=None)


# --- the others -----------------------------------------------------------------------------------


def _mac(sources: Sources, cores: dict[str, Any]) -> Cpu:
    said = fields(lines(sources.read("command", *SYSCTL)))
    flags = {flag for name, flag in _MAC_NAMES.items() if said.get(name) == "1"}
    for name in ("machdep.cpu.features", "machdep.cpu.leaf7_features"):
        flags |= {_MAC_INTEL.get(flag, flag) for flag in said.get(name, "").lower().split()}
    # The cache of the fast cores, where there are two kinds; the plain names mean the slow ones.
    where = "hw.perflevel0." if any(name.startswith("hw.perflevel") for name in said) else "hw."
    hertz = whole(said.get("hw.cpufrequency_max"), MOST_HZ)
    physical, logical = (whole(said.get(f"hw.{kind}cpu"), MOST_CORES) for kind in ("physical", "logical"))
    return Cpu(
        name=said.get("machdep.cpu.brand_string", ""),
        physical_cores=count(cores.get("physical"), MOST_CORES) or physical,
        logical_cores=_logical(cores) or logical,
        flags=tuple(flag for flag in FLAGS if flag in flags),
        l1d_bytes=whole(said.get(f"{where}l1dcachesize")),
        l2_bytes=whole(said.get(f"{where}l2cachesize")),
        l3_bytes=whole(said.get("hw.l3cachesize")),
        frequency_max_hz=hertz,
    )


def _windows(sources: Sources, cores: dict[str, Any]) -> Cpu:
    said = table(sources.read("windows_cpu"))
    mhz = count(said.get("mhz"), MOST_HZ // 1_000_000)
    given: Any = said.get("flags")
    flags = cast("list[Any]", given) if isinstance(given, list) else []
    return Cpu(
        name=words(said.get("name")),
        physical_cores=count(cores.get("physical"), MOST_CORES),
        logical_cores=_logical(cores),
        flags=tuple(flag for flag in FLAGS if flag in flags),
        l1d_bytes=count(said.get("l1d")),
        l2_bytes=count(said.get("l2")),
        l3_bytes=count(said.get("l3")),
        frequency_max_hz=mhz * 1_000_000 if mhz else None,
    )
