"""`studio machine`: what this computer is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from rich.text import Text

from studio.cli import terminal
from studio.cli.session import open_studio, run_async
from studio.domain.ability import Ability, figure
from studio.domain.machine import Machine, preferred
from studio.domain.text import localized, t
from studio.services.machine.words import (
    cache_words,
    card_details,
    card_words,
    cpu_words,
    disk_words,
    kind_words,
    limit_words,
    listed,
    ram_words,
    swap_words,
)


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
    table = terminal.table(t("machine.can"), "", t("machine.model"), "")
    for task, one in able.items():
        title = localized(one.best.model.title)
        if not one.best.installed:
            title = t("machine.not_here", title=title)
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
    kernel = t("machine.kernel", version=machine.kernel) if machine.kernel else ""
    system = listed(machine.os, kernel, f"Python {machine.python}", machine.locale)
    yield t("machine.os"), system, False
    if machine.limits.limited or machine.limits.container:
        yield t("machine.limits"), limit_words(machine.limits), False
    yield t("machine.cpu"), cpu_words(machine.cpu), False
    for words in (cache_words(machine.cpu), " ".join(machine.cpu.flags)):
        if words:
            yield "", words, True
    yield t("machine.ram"), ram_words(machine.ram), False
    if swap := swap_words(machine.ram):
        yield t("machine.swap"), swap, False
    for disk in machine.disks:
        yield t("machine.disk"), f"{disk_words(disk)}  {disk.path}", False
    best = preferred(machine)
    for card in machine.accelerators:
        yield kind_words(card), card_words(card, chosen=card is best), False
        for words in card_details(card):
            yield "", words, True
    if best is None:
        yield t("machine.gpu"), t("machine.no_gpu"), False
