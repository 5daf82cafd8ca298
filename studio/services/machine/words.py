"""A computer's facts in the user's words, as the terminal and the window tell them."""

from __future__ import annotations

from collections.abc import Iterator

from studio.domain.machine import Accelerator, Cpu, Disk, Limits, Ram
from studio.domain.quantity import size
from studio.domain.text import t

# Linux's rules for the frequency that have words; of another its own name is told.
GOVERNORS = ("powersave", "performance", "schedutil", "ondemand", "conservative")


def listed(*parts: str) -> str:
    """Those of *parts* that there are, with commas."""
    return ", ".join(filter(None, parts))


def free_of(free: int | None, total: int | None) -> str:
    return t("machine.free", free=_size(free), total=_size(total))


def _size(number: int | None) -> str:
    return t("machine.unknown") if number is None else size(number)


def limit_words(limits: Limits) -> str:
    parts = [t("machine.container", kind=limits.container)] if limits.container else []
    if limits.memory_bytes is not None:
        parts.append(t("machine.limit.memory", size=size(limits.memory_bytes)))
    if limits.cpus is not None:
        parts.append(t("machine.limit.cpus", n=f"{limits.cpus:g}"))
    return listed(*parts)


def cpu_words(cpu: Cpu) -> str:
    hertz = cpu.frequency_max_hz or cpu.frequency_now_hz
    return listed(
        cpu.name, core_words(cpu), f"{hertz / 1e9:.1f} GHz" if hertz else "", governor_words(cpu.governor)
    )


def core_words(cpu: Cpu) -> str:
    return t("machine.cores", physical=cpu.physical_cores or "?", logical=cpu.logical_cores or "?")


def speed_words(cpu: Cpu) -> str:
    """ "2.6 GHz now, up to 3.7 GHz, speed as needed (schedutil)"; "" where nothing is known."""
    now = t("machine.hertz.now", n=_gigahertz(cpu.frequency_now_hz)) if cpu.frequency_now_hz else ""
    most = t("machine.hertz.most", n=_gigahertz(cpu.frequency_max_hz)) if cpu.frequency_max_hz else ""
    return listed(now, most, governor_words(cpu.governor))


def _gigahertz(hertz: int) -> str:
    return f"{hertz / 1e9:.1f}"


def governor_words(governor: str | None) -> str:
    if governor in GOVERNORS:
        return t(f"machine.governor.{governor}")
    return governor or ""


def cache_words(cpu: Cpu) -> str:
    sizes = {"L1d": cpu.l1d_bytes, "L2": cpu.l2_bytes, "L3": cpu.l3_bytes}
    return listed(*(f"{level} {_binary(number)}" for level, number in sizes.items() if number))


def _binary(number: int) -> str:
    """Caches are sold by powers of two."""
    return f"{number / 2**20:g} MiB" if number >= 2**20 else f"{number / 2**10:g} KiB"


def ram_words(ram: Ram) -> str:
    return free_of(ram.available_bytes, ram.total_bytes)


def swap_words(ram: Ram) -> str:
    """ "" where it is not known."""
    if ram.swap_total_bytes is None:
        return ""
    return free_of(ram.swap_free_bytes, ram.swap_total_bytes) if ram.swap_total_bytes else t("machine.none")


def disk_words(disk: Disk) -> str:
    """Its room, its kind, and how files lie on it."""
    free = free_of(disk.free_bytes, disk.total_bytes)
    kind = t(f"machine.disk.{disk.kind}") if disk.kind else ""
    return listed(free, kind, disk.filesystem or "")


def kind_words(card: Accelerator) -> str:
    gpu = card.kind in ("cuda", "rocm", "xpu", "mps")
    return t("machine.gpu") if gpu else t("machine.accelerator")


def card_name(card: Accelerator) -> str:
    """With its maker's name, once."""
    return card.name if card.vendor in card.name else f"{card.vendor} {card.name}"


def card_words(card: Accelerator, *, chosen: bool) -> str:
    """Its name, `card_place`, and whether it is the one to compute on."""
    return listed(card_name(card), card_place(card), t("machine.chosen") if chosen else "")


def card_place(card: Accelerator) -> str:
    """Its memory, whether it is part of the processor, and what requests call it."""
    memory = ""
    if card.memory_total_bytes:
        memory = size(card.memory_total_bytes)
        if card.memory_free_bytes is not None:
            memory = free_of(card.memory_free_bytes, card.memory_total_bytes)
    return listed(memory, t("machine.integrated") if card.integrated else "", card.device or "")


def card_details(card: Accelerator) -> Iterator[str]:
    link = ""
    if card.pcie_generation and card.pcie_width:
        link = f"PCIe {card.pcie_generation}.0 x{card.pcie_width}"
    driver = t("machine.driver", version=card.driver) if card.driver else ""
    heat = f"{card.temperature_celsius:.0f} °C" if card.temperature_celsius is not None else ""
    power = f"{card.power_watts:.0f} W" if card.power_watts is not None else ""
    if facts := listed(card.arch or "", driver, card.runtime or "", link, power, heat):
        yield facts
    if card.processes:
        yield t("machine.processes", n=len(card.processes))
    if card.reason:
        yield " ".join(filter(None, (t("machine.unusable", reason=card.why), card.how)))
