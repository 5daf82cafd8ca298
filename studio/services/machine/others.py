"""Intel's and Apple's GPUs, and what the studio shows but cannot compute on: NPUs, TPUs, FPGAs, OpenCL's."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from studio.domain.machine import Accelerator
from studio.services.machine import pci
from studio.services.machine.nvidia import PASSED_ON
from studio.services.machine.parse import count, entries, fields, lines, value, whole, words
from studio.services.machine.sources import SYSCTL, Sources

INTEL, AMD, XILINX, ALTERA = "8086", "1022", "10ee", "1172"
_NPUS = {
    (INTEL, "7d1d"): "Meteor Lake NPU", (INTEL, "643e"): "Lunar Lake NPU", (INTEL, "ad1d"): "Arrow Lake NPU",
    (INTEL, "b03e"): "Panther Lake NPU",
    (AMD, "1502"): "Ryzen AI NPU", (AMD, "17f0"): "Ryzen AI NPU", (AMD, "17f1"): "Ryzen AI NPU",
}  # fmt: skip
_MAKERS = {INTEL: "Intel", AMD: "AMD", XILINX: "Xilinx", ALTERA: "Altera", "1da3": "Habana", "1e60": "Hailo",
           "17cb": "Qualcomm"}  # fmt: skip


def intel(sources: Sources, devices: list[pci.Device] | None) -> tuple[Accelerator, ...]:
    """Cards first: so does Intel's runtime number them."""
    cards = [d for d in devices or () if d.vendor == INTEL and d.kind == pci.DISPLAY]
    found = [_intel(sources, card) for card in sorted(cards, key=_on_board)]
    able = [card for card in found if card.usable is not False]
    return tuple(
        msgspec.structs.replace(card, device=f"xpu:{able.index(card)}") if card in able else card
        for card in found
    )


def _on_board(device: pci.Device) -> bool:
    """What is part of the processor sits on the first bus."""
    return device.address.split(":")[1] == "00"


def _intel(sources: Sources, device: pci.Device) -> Accelerator:
    folders: list[str] = sources.read("glob", f"{pci.FOLDER}/{device.address}/drm/card*") or []
    memory = [whole(value(sources.read("text", f"{f}/lmem_total_bytes"))) for f in folders]
    free = [whole(value(sources.read("text", f"{f}/lmem_avail_bytes"))) for f in folders]
    generation, width = (None, None) if _on_board(device) else pci.link(sources, device.address)
    passed_on = device.driver in PASSED_ON
    return Accelerator(
        kind="xpu",
        vendor="Intel",
        name=device.words,
        memory_total_bytes=memory[0] if memory else None,
        memory_free_bytes=free[0] if free else None,
        integrated=_on_board(device),
        bus=device.address,
        driver=device.driver,
        pcie_generation=generation,
        pcie_width=width,
        usable=False if passed_on else None,
        reason="machine.reason.passed_on" if passed_on else "",
    )


def apple(sources: Sources, system: dict[str, str]) -> tuple[Accelerator, ...]:
    """The GPU shares the memory of the computer, so it has no figures of its own."""
    if system.get("machine") != "arm64":
        return ()
    said = fields(lines(sources.read("command", *SYSCTL)))
    name = said.get("machdep.cpu.brand_string") or "Apple"
    return (Accelerator(kind="mps", vendor="Apple", name=name, device="mps", integrated=True),)


def processing(devices: list[pci.Device] | None) -> tuple[Accelerator, ...]:
    """NPUs and FPGAs on the bus, one entry for a card with several functions."""
    cards: dict[str, Accelerator] = {}
    for device in devices or ():
        npu = _NPUS.get((device.vendor, device.device))
        if device.kind != pci.PROCESSING and npu is None:
            continue
        kind = "fpga" if device.vendor in (XILINX, ALTERA) else "npu"
        card = Accelerator(
            kind=kind,
            vendor=_MAKERS.get(device.vendor, device.vendor),
            name=device.name or npu or device.words,
            bus=device.address if npu else f"{device.slot}.0",
            driver=device.driver,
            integrated=npu is not None,
            usable=False,
            reason=_REASONS[kind],
        )
        if device.slot not in cards or device.driver:  # the function with a driver is the one that computes
            cards[device.slot] = card
    return tuple(cards.values())


def tpus(sources: Sources) -> tuple[Accelerator, ...]:
    """Google's, which leave one file for each chip in its cloud."""
    files: list[str] = sources.read("glob", "/dev/accel*") or []
    chips = [file for file in files if re.fullmatch(r"/dev/accel[0-9]+", file)]
    named = sources.read("environment", "TPU_NAME") or sources.read("exists", "/lib/libtpu.so")
    return tuple(
        Accelerator(
            kind="tpu",
            vendor="Google",
            name="TPU",
            integrated=False,
            usable=False,
            reason=_REASONS["tpu"],
        )
        for _ in chips or ([""] if named else [])
    )


def opencl(sources: Sources, known: tuple[Accelerator, ...]) -> tuple[Accelerator, ...]:
    """What only OpenCL shows: accelerators, and GPUs of makers that nothing else told of."""
    makers = {card.vendor.lower() for card in known}
    found: list[Accelerator] = []
    for entry in entries(sources.read("opencl")):
        vendor, platform = words(entry.get("vendor")), words(entry.get("platform"))
        maker = vendor.split("(")[0].split()[0] if vendor else ""
        new = entry.get("type") == "ACCELERATOR" or (
            entry.get("type") == "GPU" and maker.lower() not in makers and not _is_cuda(platform)
        )
        if new:
            kind = "fpga" if "FPGA" in platform else "opencl"
            found.append(
                Accelerator(
                    kind=kind,
                    vendor=maker,
                    name=words(entry.get("name")),
                    memory_total_bytes=count(entry.get("memory")),
                    usable=False,
                    reason=_REASONS[kind],
                )
            )
    return tuple(found)


def _is_cuda(platform: str) -> bool:
    return "CUDA" in platform or "AMD Accelerated" in platform


def windows(sources: Sources, *, beside_cuda: bool) -> tuple[Accelerator, ...]:
    """AMD's and Intel's GPUs, and NPUs; NVIDIA's library answers for its own. *beside_cuda* as for `amd`."""
    shown = entries(sources.read("windows_displays"))
    amd = [_display(entry, "rocm", "AMD") for entry in shown if "ven_1002" in words(entry.get("id"))]
    intel = [_display(entry, "xpu", "Intel") for entry in shown if "ven_8086" in words(entry.get("id"))]
    intel.sort(key=lambda card: card.integrated is not False)
    cards = [
        card if beside_cuda else msgspec.structs.replace(card, device=f"cuda:{n}")
        for n, card in enumerate(sorted(amd, key=lambda card: card.integrated is not False))
    ]
    cards += [msgspec.structs.replace(card, device=f"xpu:{n}") for n, card in enumerate(intel)]
    return (*cards, *_windows_npus(sources))


def _display(entry: dict[str, Any], kind: str, vendor: str) -> Accelerator:
    name = words(entry.get("name"))
    integrated = _by_name(name, kind)
    return Accelerator(
        kind=kind,
        vendor=vendor,
        name=name,
        # What graphics within the processor call theirs is a corner of the computer's memory.
        memory_total_bytes=None if integrated is not False else count(entry.get("bytes")),
        integrated=integrated,
        driver=words(entry.get("driver")) or None,
    )


def _by_name(name: str, kind: str) -> bool | None:
    """Whether graphics are part of the processor, as far as their name tells."""
    if kind == "xpu":
        return not re.search(r"\bArc\b.* (?:Pro )?[AB]\d{2,3}M?\b|\b(?:Flex|Max)\b", name)
    if re.search(r"\b(?:RX|Pro|PRO|Instinct|VII)\b", name):
        return False
    return True if re.search(r"Graphics|\d{3}M\b|\bVega \d+\b", name) else None


def _windows_npus(sources: Sources) -> tuple[Accelerator, ...]:
    found: list[Accelerator] = []
    for entry in entries(sources.read("windows_accelerators")):
        vendor = re.search(r"ven_(\w+?)&", words(entry.get("id")))
        code = vendor[1] if vendor else ""
        maker = "Qualcomm" if code == "qcom" else _MAKERS.get(code, code)
        npu = Accelerator(
            kind="npu",
            vendor=maker,
            name=words(entry.get("name")),
            integrated=True,
            usable=False,
            reason=_REASONS["npu"],
        )
        found.append(npu)
    return tuple(found)


_REASONS = {
    "npu": "machine.reason.npu",
    "tpu": "machine.reason.tpu",
    "fpga": "machine.reason.fpga",
    "opencl": "machine.reason.opencl",
}
