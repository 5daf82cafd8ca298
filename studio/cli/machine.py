"""`studio machine`: what this computer is."""

from __future__ import annotations

import msgspec
from rich.text import Text

from studio.cli import terminal
from studio.cli.home import open_paths
from studio.domain.machine import Accelerator, Machine
from studio.domain.quantity import size
from studio.domain.text import t
from studio.services.machine import read_machine


def show(*, as_json: bool) -> int:
    """All that can be read without asking the engine."""
    paths = open_paths()
    machine = read_machine(paths.models, paths.outputs)
    if as_json:
        terminal.print_json(msgspec.to_builtins(machine))
    else:
        _show(machine)
    return terminal.DONE


def _show(machine: Machine) -> None:
    table = terminal.table("", "")
    table.show_header = False
    cpu, ram = machine.cpu, machine.ram
    cores = t("cli.machine.cores", physical=cpu.physical_cores or "?", logical=cpu.logical_cores)
    table.add_row(t("cli.machine.os"), Text(f"{machine.os}, Python {machine.python}"))
    table.add_row(t("cli.machine.cpu"), Text(f"{cpu.name}, {cores}"))
    if cpu.flags:
        table.add_row("", Text(" ".join(cpu.flags), style="dim"))
    free = t("cli.machine.free", free=size(ram.available_bytes), total=size(ram.total_bytes))
    table.add_row(t("cli.machine.ram"), free)
    for disk in machine.disks:
        free = t("cli.machine.free", free=size(disk.free_bytes), total=size(disk.total_bytes))
        table.add_row(t("cli.machine.disk"), Text(f"{free}  {disk.path}"))
    for accelerator in machine.accelerators:
        table.add_row(t("cli.machine.gpu"), Text(_words(accelerator)))
    if not machine.accelerators:
        table.add_row(t("cli.machine.gpu"), t("cli.machine.no_gpu"))
    terminal.out().print(table)


def _words(gpu: Accelerator) -> str:
    parts = [f"{gpu.vendor} {gpu.name}" if gpu.vendor not in gpu.name else gpu.name]
    if gpu.memory_total_bytes:
        parts.append(size(gpu.memory_total_bytes))
    if gpu.device:
        parts.append(gpu.device)
    if gpu.reason:
        parts.append(t(gpu.reason))
    return ", ".join(parts)
