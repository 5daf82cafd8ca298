"""NVIDIA's GPUs: by its own library, else by its own command, else by what the bus and the board show."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as ET

import msgspec

from studio.domain.machine import Accelerator, Process
from studio.services.machine import pci
from studio.services.machine.parse import (
    binary,
    count,
    decimal,
    entries,
    lines,
    measured,
    table,
    value,
    whole,
    words,
)
from studio.services.machine.sources import Sources

VENDOR = "10de"
PASSED_ON = ("vfio-pci", "pci-stub", "xen-pciback")  # drivers that keep a device for a virtual machine

# Chips in which processor and GPU share the memory.
_SHARING = re.compile(r"\b(?:GB10|Orin|Thor|Xavier|Tegra)\b")


def read(sources: Sources, devices: list[pci.Device] | None) -> tuple[Accelerator, ...]:
    """Those that the driver knows, in its order, then those on the bus that it does not."""
    cards = [d for d in devices or () if d.vendor == VENDOR and d.kind == pci.DISPLAY]
    answer = table(sources.read("nvml"))
    error = words(answer.get("error"))
    gpus = entries(answer.get("gpus"))
    known = _by_library(answer, gpus) if gpus else []
    if not known and not error and (devices is None or cards):
        known = _by_command(sources)
        gpus = [dict[str, Any]() for _ in known]
    if known:
        named = _visible(sources, gpus, known)
        if any(gpu.bus is None for gpu in known):  # cannot be told from those on the bus
            return named
        there = {gpu.bus for gpu in known}
        return (*named, *(_unknown(card, error) for card in cards if card.address not in there))
    board = value(sources.read("text", "/proc/device-tree/model"))
    if "Jetson" in board or "NVIDIA" in board:
        gpu = Accelerator(kind="cuda", vendor="NVIDIA", name=board, integrated=True, device="cuda:0")
        return (gpu,)
    if not cards and _mismatch(error):  # the library says it, so there is something that it is for
        return (_refused(Accelerator(kind="cuda", vendor="NVIDIA", name="NVIDIA"), error),)
    return _numbered([_unknown(card, error) for card in cards])


def _by_library(answer: dict[str, Any], gpus: list[dict[str, Any]]) -> list[Accelerator]:
    cuda = count(answer.get("cuda"), 1_000_000)
    return [
        Accelerator(
            kind="cuda",
            vendor="NVIDIA",
            name=words(gpu.get("name")),
            memory_total_bytes=count(gpu.get("total")),
            memory_free_bytes=count(gpu.get("free")),
            integrated=bool(_SHARING.search(words(gpu.get("name")))),
            arch=_arch(gpu.get("capability")),
            bus=pci.address(words(gpu.get("bus"))),
            driver=words(answer.get("driver")) or None,
            runtime=f"CUDA {cuda // 1000}.{cuda % 1000 // 10}" if cuda else None,
            pcie_generation=_of(gpu.get("pcie"), 0),
            pcie_width=_of(gpu.get("pcie"), 1),
            power_watts=_watts(count(gpu.get("milliwatts"), 10_000_000)),
            temperature_celsius=count(gpu.get("temperature"), 200),
            processes=_processes(gpu.get("processes")),
        )
        for gpu in gpus
    ]


def _by_command(sources: Sources) -> list[Accelerator]:
    text: str = sources.read("command", "nvidia-smi", "-q", "-x") or ""
    try:
        log = ET.fromstring("\n".join(lines(text)))  # noqa: S314 - of NVIDIA's own program
    except ET.ParseError:
        return []
    cuda = decimal(log.findtext("cuda_version"), 100)
    driver = log.findtext("driver_version") or ""
    return [
        Accelerator(
            kind="cuda",
            vendor="NVIDIA",
            name=gpu.findtext("product_name") or "",
            memory_total_bytes=binary(gpu.findtext("fb_memory_usage/total")),
            memory_free_bytes=binary(gpu.findtext("fb_memory_usage/free")),
            integrated=bool(_SHARING.search(gpu.findtext("product_name") or "")),
            bus=_bus(gpu),
            driver=driver if re.fullmatch(r"[0-9.]+", driver) else None,
            runtime=f"CUDA {cuda}" if cuda else None,
            pcie_generation=whole(gpu.findtext("pci/pci_gpu_link_info/pcie_gen/max_link_gen"), 9),
            pcie_width=_width(gpu.findtext("pci/pci_gpu_link_info/link_widths/max_link_width")),
            power_watts=_power(gpu),
            temperature_celsius=measured(gpu.findtext("temperature/gpu_temp"), "C"),
        )
        for gpu in log.findall("gpu")
    ]


def _visible(
    sources: Sources, gpus: list[dict[str, Any]], known: list[Accelerator]
) -> tuple[Accelerator, ...]:
    order = visible(sources.read("environment", "CUDA_VISIBLE_DEVICES"), gpus)
    return tuple(
        msgspec.structs.replace(card, device=f"cuda:{order.index(index)}")
        if index in order
        else msgspec.structs.replace(card, usable=False, reason="machine.reason.hidden")
        for index, card in enumerate(known)
    )


def visible(variable: str | None, gpus: list[dict[str, Any]]) -> list[int]:
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


def _unknown(card: pci.Device, error: str) -> Accelerator:
    """A card that the driver did not name."""
    gpu = Accelerator(
        kind="cuda",
        vendor="NVIDIA",
        name=card.words,
        bus=card.address,
        integrated=False,
        driver=card.driver,
    )
    if card.driver in PASSED_ON:
        return msgspec.structs.replace(gpu, usable=False, reason="machine.reason.passed_on")
    if error or card.driver == "nouveau":
        return _refused(gpu, error)
    return gpu


def _refused(gpu: Accelerator, error: str) -> Accelerator:
    if _mismatch(error):
        reason, fix = "machine.reason.driver_mismatch", "machine.fix.restart"
    else:
        reason, fix = "machine.reason.no_driver", "machine.fix.nvidia_driver"
    return msgspec.structs.replace(gpu, usable=False, reason=reason, fix=fix)


def _mismatch(error: str) -> bool:
    return "version mismatch" in error.lower()


def _numbered(cards: list[Accelerator]) -> tuple[Accelerator, ...]:
    able = [card for card in cards if card.usable is not False]
    return tuple(
        msgspec.structs.replace(card, device=f"cuda:{able.index(card)}") if card in able else card
        for card in cards
    )


def _arch(capability: Any) -> str | None:
    major, minor = _of(capability, 0), _of(capability, 1)
    return f"sm_{major}{minor}" if major is not None and minor is not None else None


def _of(pair: Any, index: int) -> int | None:
    return count(pair[index], 99) if isinstance(pair, list | tuple) and len(pair) == 2 else None  # pyright: ignore[reportUnknownArgumentType]


def _watts(milliwatts: int | None) -> float | None:
    return milliwatts / 1000 if milliwatts is not None else None


def _width(text: str | None) -> int | None:
    return whole((text or "").removesuffix("x"), 32) if (text or "").endswith("x") else None


def _bus(gpu: ET.Element) -> str | None:
    """It is there twice."""
    place = gpu.findtext("pci/pci_bus_id")
    return pci.address(place) if place == gpu.get("id") else None


def _power(gpu: ET.Element) -> float | None:
    """The name of the entry changed with the years."""
    places = (
        "power_readings/power_draw",
        "gpu_power_readings/power_draw",
        "gpu_power_readings/average_power_draw",
    )
    said = [text for place in places if (text := gpu.findtext(place)) is not None]
    return measured(said[0], "W") if said else None


def _processes(given: Any) -> tuple[Process, ...]:
    found: dict[int, Process] = {}
    for entry in entries(given):
        pid = count(entry.get("pid"), 2**32)
        if pid is not None:
            found[pid] = Process(pid=pid, memory_bytes=count(entry.get("bytes")))
    return tuple(found.values())
