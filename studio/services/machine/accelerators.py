"""Which GPUs the system shows. Whether they can compute is the engine's to try: see `tried`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from studio.domain.machine import Accelerator, Machine
from studio.services.machine.sources import Sources
from studio.wire.messages import DeviceState

NVIDIA, AMD, INTEL = "0x10de", "0x1002", "0x8086"
_PCI_NAMES = ("/usr/share/misc/pci.ids", "/usr/share/hwdata/pci.ids")

# Words for `Accelerator.reason`: keys of the catalogue, so that they follow the language.
NO_DRIVER = "machine.reason.no_driver"
NO_COMPUTE = "machine.reason.no_compute"
HIDDEN = "machine.reason.hidden"


def read(sources: Sources, system: dict[str, str]) -> tuple[Accelerator, ...]:
    """Every GPU that could compute."""
    match system.get("system"):
        case "linux":
            cards = _cards(sources)
            return (*_nvidia(sources, cards), *_amd(sources, cards), *_intel(sources, cards))
        case "win32":
            return (*_nvidia(sources, []), *_windows(sources))
        case "darwin":
            return _apple(sources, system)
        case _:
            return ()


def tried(machine: Machine, states: Iterable[DeviceState]) -> Machine:
    """*machine* with what the engine found when it tried its devices, also those that nobody saw before."""
    by_device = {state.device: state for state in states if state.device != "cpu"}
    accelerators: list[Accelerator] = []
    for seen in machine.accelerators:
        state = by_device.pop(seen.device, None) if seen.device else None
        if state is None:
            accelerators.append(msgspec.structs.replace(seen, usable=False, reason=seen.reason or NO_COMPUTE))
        else:
            accelerators.append(
                msgspec.structs.replace(
                    seen,
                    usable=state.usable,
                    reason=state.reason,
                    memory_total_bytes=state.memory_total_bytes or seen.memory_total_bytes,
                    memory_free_bytes=state.memory_free_bytes or seen.memory_free_bytes,
                )
            )
    accelerators += [
        Accelerator(
            kind=state.device.partition(":")[0],
            vendor="",
            name=state.name,
            memory_total_bytes=state.memory_total_bytes,
            memory_free_bytes=state.memory_free_bytes,
            usable=state.usable,
            device=state.device,
            reason=state.reason,
        )
        for state in by_device.values()
    ]
    return msgspec.structs.replace(machine, accelerators=tuple(accelerators))


def _cards(sources: Sources) -> list[tuple[str, str]]:
    """Linux: folder and vendor of every graphics card."""
    folders: list[str] = sources.read("glob", "/sys/class/drm/card*") or []
    cards = sorted(
        (f for f in folders if re.search(r"/card\d+$", f)), key=lambda f: int(f.rpartition("card")[2])
    )
    return [(card, sources.read("text", f"{card}/device/vendor") or "") for card in cards]


def _nvidia(sources: Sources, cards: list[tuple[str, str]]) -> tuple[Accelerator, ...]:
    answer: dict[str, Any] = sources.read("nvml") or {}
    gpus: list[dict[str, Any]] = answer.get("gpus") or []
    if not gpus:
        return tuple(
            Accelerator(
                kind="cuda", vendor="NVIDIA", name=_pci_name(sources, card), usable=False, reason=NO_DRIVER
            )
            for card, vendor in cards
            if vendor == NVIDIA
        )
    order = _visible(sources.read("environment", "CUDA_VISIBLE_DEVICES"), gpus)
    return tuple(
        Accelerator(
            kind="cuda",
            vendor="NVIDIA",
            name=gpu["name"],
            memory_total_bytes=gpu.get("total"),
            memory_free_bytes=gpu.get("free"),
            usable=None if index in order else False,
            device=f"cuda:{order.index(index)}" if index in order else None,
            reason="" if index in order else HIDDEN,
        )
        for index, gpu in enumerate(gpus)
    )


def _visible(variable: str | None, gpus: list[dict[str, Any]]) -> list[int]:
    """Which GPUs CUDA will show, in its order (the engine asks for the order of the bus)."""
    if variable is None:
        return list(range(len(gpus)))
    order: list[int] = []
    for word in variable.split(","):
        word = word.strip()
        matches = [i for i, gpu in enumerate(gpus) if word and str(gpu.get("uuid", "")).startswith(word)]
        index = int(word) if word.isdecimal() else matches[0] if len(matches) == 1 else -1
        if not 0 <= index < len(gpus) or index in order:  # CUDA stops at the first word that it refuses
            break
        order.append(index)
    return order


def _amd(sources: Sources, cards: list[tuple[str, str]]) -> tuple[Accelerator, ...]:
    mine = [card for card, vendor in cards if vendor == AMD]
    compute = bool(sources.read("exists", "/dev/kfd"))
    found: list[Accelerator] = []
    for index, card in enumerate(mine):
        total = _number(sources, f"{card}/device/mem_info_vram_total")
        used = _number(sources, f"{card}/device/mem_info_vram_used")
        found.append(
            Accelerator(
                kind="rocm",
                vendor="AMD",
                name=sources.read("text", f"{card}/device/product_name") or _pci_name(sources, card),
                memory_total_bytes=total,
                memory_free_bytes=total - used if total is not None and used is not None else None,
                usable=None if compute else False,
                device=f"cuda:{index}" if compute else None,  # what torch calls it
                reason="" if compute else NO_DRIVER,
            )
        )
    return tuple(found)


def _intel(sources: Sources, cards: list[tuple[str, str]]) -> tuple[Accelerator, ...]:
    return tuple(
        Accelerator(
            kind="xpu",
            vendor="Intel",
            name=_pci_name(sources, card),
            memory_total_bytes=_number(sources, f"{card}/lmem_total_bytes"),
            memory_free_bytes=_number(sources, f"{card}/lmem_avail_bytes"),
            device=f"xpu:{index}",
        )
        for index, card in enumerate(card for card, vendor in cards if vendor == INTEL)
    )


def _windows(sources: Sources) -> tuple[Accelerator, ...]:
    """AMD's and Intel's; NVIDIA's library answers for its own."""
    found: list[Accelerator] = []
    intel = 0
    displays: list[dict[str, Any]] = sources.read("windows_displays") or []
    for display in displays:
        if "ven_1002" in display["id"]:
            kind, vendor, device = "rocm", "AMD", None
        elif "ven_8086" in display["id"]:
            kind, vendor, device, intel = "xpu", "Intel", f"xpu:{intel}", intel + 1
        else:
            continue
        found.append(
            Accelerator(
                kind=kind,
                vendor=vendor,
                name=display["name"],
                memory_total_bytes=display.get("bytes"),
                usable=None if device else False,
                device=device,
                reason="" if device else NO_COMPUTE,
            )
        )
    return tuple(found)


def _apple(sources: Sources, system: dict[str, str]) -> tuple[Accelerator, ...]:
    """The GPU shares the memory of the computer, so it has no figures of its own."""
    if system.get("machine") != "arm64":
        return ()
    name = sources.read("command", "sysctl", "-n", "machdep.cpu.brand_string") or "Apple"
    return (Accelerator(kind="mps", vendor="Apple", name=name, device="mps"),)


def _pci_name(sources: Sources, card: str) -> str:
    """The card's name from the system's list of devices, else its number."""
    vendor = (sources.read("text", f"{card}/device/vendor") or "").removeprefix("0x").lower()
    device = (sources.read("text", f"{card}/device/device") or "").removeprefix("0x").lower()
    for file in _PCI_NAMES:
        inside = False
        for line in (sources.read("text", file) or "").splitlines():
            if line[:1] not in ("\t", "#", ""):
                inside = line.startswith(f"{vendor} ")
            elif inside and line.startswith(f"\t{device} "):
                return line.split("  ", 1)[-1].strip()
    return f"{vendor}:{device}"


def _number(sources: Sources, path: str) -> int | None:
    text = sources.read("text", path) or ""
    return int(text) if text.isdecimal() else None
