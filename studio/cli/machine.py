"""`studio machine`: what this computer is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from rich.text import Text

from studio.cli import terminal
from studio.cli.session import open_studio, run_async
from studio.domain.machine import Accelerator, Cpu, Disk, Limits, Machine, Ram, preferred
from studio.domain.quantity import size
from studio.domain.text import localized, t
from studio.services.abilities import Ability, figure


def show(*, as_json: bool) -> int:
    """All that can be said without asking the engine."""
    machine, able = run_async(_read())
    if as_json:
        terminal.print_json(as_object(machine, able))
    else:
        _show(machine)
        if able:
            _show_abilities(able)
    return terminal.DONE


async def _read() -> tuple[Machine, dict[str, Ability]]:
    async with open_studio(offline=True) as studio:
        machine = await studio.read_machine()
        await studio.judge_models()
        return machine, studio.abilities()


def as_object(machine: Machine, able: dict[str, Ability]) -> dict[str, Any]:
    """For programs: numbers as they are, reasons in words."""
    found: dict[str, Any] = msgspec.to_builtins(machine)
    for entry, card in zip(found["accelerators"], machine.accelerators, strict=True):
        entry["reason"], entry["fix"] = card.why, card.how
        del entry["values"]
    best = preferred(machine)
    return {
        **found,
        "limits": {**found["limits"], "limited": machine.limits.limited},
        "preferred_device": best.device if best else None,
        "abilities": {
            task: {"verdict": one.verdict, "best_model": one.best.model.id, "seconds": one.best.seconds}
            for task, one in able.items()
        },
    }


def _show_abilities(able: dict[str, Ability]) -> None:
    table = terminal.table(t("cli.machine.can"), "", t("cli.machine.model"), "")
    for task, one in able.items():
        title = localized(one.best.model.title)
        if not one.best.installed:
            title = t("cli.machine.not_here", title=title)
        table.add_row(t(f"task.{task}"), t(one.verdict.key), Text(title), figure(one.best))
    terminal.out().print(table)


def _show(machine: Machine) -> None:
    table = terminal.table("", "")
    table.show_header = False
    for name, words, dim in _rows(machine):
        table.add_row(name, Text(words, style="dim" if dim else ""))
    terminal.out().print(table)


def _rows(machine: Machine) -> Iterator[tuple[str, str, bool]]:
    """Name, words, and whether they are of less weight."""
    kernel = t("cli.machine.kernel", version=machine.kernel) if machine.kernel else ""
    system = _list(machine.os, kernel, f"Python {machine.python}", machine.locale)
    yield t("cli.machine.os"), system, False
    if machine.limits.limited or machine.limits.container:
        yield t("cli.machine.limits"), _limits(machine.limits), False
    yield t("cli.machine.cpu"), _cpu(machine.cpu), False
    for words in (_caches(machine.cpu), " ".join(machine.cpu.flags)):
        if words:
            yield "", words, True
    yield t("cli.machine.ram"), _ram(machine.ram), False
    if machine.ram.swap_total_bytes is not None:
        swap = _free(machine.ram.swap_free_bytes, machine.ram.swap_total_bytes)
        yield t("cli.machine.swap"), swap if machine.ram.swap_total_bytes else t("cli.machine.none"), False
    for disk in machine.disks:
        yield t("cli.machine.disk"), _disk(disk), False
    best = preferred(machine)
    for card in machine.accelerators:
        yield _title(card), _words(card, chosen=card is best), False
        for words in _details(card):
            yield "", words, True
    if best is None:
        yield t("cli.machine.gpu"), t("cli.machine.no_gpu"), False


def _list(*parts: str) -> str:
    return ", ".join(filter(None, parts))


def _free(free: int | None, total: int | None) -> str:
    return t("cli.machine.free", free=_size(free), total=_size(total))


def _size(number: int | None) -> str:
    return t("cli.machine.unknown") if number is None else size(number)


def _limits(limits: Limits) -> str:
    parts = [t("cli.machine.container", kind=limits.container)] if limits.container else []
    if limits.memory_bytes is not None:
        parts.append(t("cli.machine.limit.memory", size=size(limits.memory_bytes)))
    if limits.cpus is not None:
        parts.append(t("cli.machine.limit.cpus", n=f"{limits.cpus:g}"))
    return _list(*parts)


def _cpu(cpu: Cpu) -> str:
    cores = t("cli.machine.cores", physical=cpu.physical_cores or "?", logical=cpu.logical_cores or "?")
    hertz = cpu.frequency_max_hz or cpu.frequency_now_hz
    return _list(cpu.name, cores, f"{hertz / 1e9:.1f} GHz" if hertz else "", cpu.governor or "")


def _caches(cpu: Cpu) -> str:
    sizes = {"L1d": cpu.l1d_bytes, "L2": cpu.l2_bytes, "L3": cpu.l3_bytes}
    return _list(*(f"{level} {_binary(number)}" for level, number in sizes.items() if number))


def _binary(number: int) -> str:
    """Caches are sold by powers of two."""
    return f"{number / 2**20:g} MiB" if number >= 2**20 else f"{number / 2**10:g} KiB"


def _ram(ram: Ram) -> str:
    return _free(ram.available_bytes, ram.total_bytes)


def _disk(disk: Disk) -> str:
    free = _free(disk.free_bytes, disk.total_bytes)
    kind = t(f"cli.machine.disk.{disk.kind}") if disk.kind else ""
    return f"{_list(free, kind, disk.filesystem or '')}  {disk.path}"


def _title(card: Accelerator) -> str:
    gpu = card.kind in ("cuda", "rocm", "xpu", "mps")
    return t("cli.machine.gpu") if gpu else t("cli.machine.accelerator")


def _words(card: Accelerator, *, chosen: bool) -> str:
    memory = ""
    if card.memory_total_bytes:
        memory = size(card.memory_total_bytes)
        if card.memory_free_bytes is not None:
            memory = _free(card.memory_free_bytes, card.memory_total_bytes)
    return _list(
        f"{card.vendor} {card.name}" if card.vendor not in card.name else card.name,
        memory,
        t("cli.machine.integrated") if card.integrated else "",
        card.device or "",
        t("cli.machine.chosen") if chosen else "",
    )


def _details(card: Accelerator) -> Iterator[str]:
    link = ""
    if card.pcie_generation and card.pcie_width:
        link = f"PCIe {card.pcie_generation}.0 x{card.pcie_width}"
    driver = t("cli.machine.driver", version=card.driver) if card.driver else ""
    heat = f"{card.temperature_celsius:.0f} °C" if card.temperature_celsius is not None else ""
    power = f"{card.power_watts:.0f} W" if card.power_watts is not None else ""
    if facts := _list(card.arch or "", driver, card.runtime or "", link, power, heat):
        yield facts
    if card.processes:
        yield t("cli.machine.processes", n=len(card.processes))
    if card.reason:
        yield " ".join(filter(None, (t("cli.machine.unusable", reason=card.why), card.how)))
