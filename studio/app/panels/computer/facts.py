"""What this computer is: processor, memory, limits and system; its disks; its accelerators."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from studio.app.language import on_language
from studio.app.observable import bind, watch
from studio.app.panels.computer.parts import clear, facts_grid, put_facts, titled
from studio.app.panels.computer.viewmodel import ComputerModel
from studio.app.widgets.button import Button
from studio.app.widgets.label import ElidedLabel, Label
from studio.app.widgets.meter import Meter
from studio.app.widgets.status import StatusLine
from studio.domain.machine import Accelerator, Disk, Machine, preferred
from studio.domain.text import t
from studio.services.machine.words import (
    cache_words,
    card_details,
    card_name,
    card_place,
    core_words,
    disk_words,
    limit_words,
    listed,
    ram_words,
    speed_words,
    swap_words,
)

FULL = 0.92  # of a disk


class Facts(QWidget):
    """Two cards beside each other: the computer with its disks, and what may compute beside the processor."""

    def __init__(self, model: ComputerModel) -> None:
        super().__init__()
        self._model = model
        self._facts = facts_grid()
        self._disks = QVBoxLayout()
        self._disks.setSpacing(12)
        self._cards = QVBoxLayout()
        self._cards.setSpacing(5)
        self._check = Button("computer.check", "check")
        about = QVBoxLayout()
        about.setSpacing(16)
        about.addLayout(self._facts)
        about.addLayout(self._disks)
        accelerators = QVBoxLayout()
        accelerators.setSpacing(12)
        accelerators.addLayout(self._cards)
        accelerators.addWidget(self._check, 0, Qt.AlignmentFlag.AlignLeft)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(16)
        row.addWidget(titled("computer", "computer.about", about), 8)
        row.addWidget(titled("gpu", "computer.accelerators", accelerators), 7)
        self._check.clicked.connect(model.check_devices)
        watch(model.machine, self._show)
        watch(model.tried, self._show)
        bind(model.checking, self._show_checking)
        on_language(self._say)

    def _say(self) -> None:
        self._show(None)
        self._show_checking(self._model.checking.value)

    def _show_checking(self, checking: bool) -> None:
        self._check.setEnabled(not checking)
        self._check.setText(t("computer.checking" if checking else "computer.check"))

    def _show(self, _: object) -> None:
        machine = self._model.machine.value
        if machine is None:
            return
        put_facts(self._facts, _facts(machine))
        clear(self._disks)
        for disk in machine.disks:
            self._disks.addLayout(_disk(disk))
        clear(self._cards)
        chosen = preferred(machine)
        if not machine.accelerators:
            self._cards.addWidget(Label("computer.accelerators.none", "muted", wrap=True))
        for card in machine.accelerators:
            self._add_card(card, chosen=card is chosen)
        if self._model.tried.value:
            line = StatusLine(pixels=14)
            line.set("ok", f"{t('machine.cpu')}  •  {t('computer.usable')}")
            self._cards.addWidget(line)

    def _add_card(self, card: Accelerator, *, chosen: bool) -> None:
        line = StatusLine(pixels=14)
        tone = {True: "ok", False: "bad", None: "muted"}[card.usable]
        state = {True: "usable", False: "unusable", None: "untried"}[card.usable]
        words = [card_name(card), t(f"computer.{state}"), t("machine.chosen") if chosen else ""]
        line.set(tone, "  •  ".join(filter(None, words)))
        self._cards.addWidget(line)
        for words in filter(None, (card_place(card), *card_details(card))):
            detail = Label(role="muted", wrap=True)
            detail.setContentsMargins(17, 0, 0, 0)  # below the words of the line
            detail.setText(words)
            self._cards.addWidget(detail)


def _facts(machine: Machine) -> list[tuple[str, str]]:
    kernel = t("machine.kernel", version=machine.kernel) if machine.kernel else ""
    return [
        ("machine.cpu", machine.cpu.name),
        ("computer.cores", core_words(machine.cpu)),
        ("computer.speed", speed_words(machine.cpu)),
        ("computer.caches", cache_words(machine.cpu)),
        ("computer.instructions", ", ".join(machine.cpu.flags)),
        ("machine.ram", ram_words(machine.ram)),
        ("machine.swap", swap_words(machine.ram)),
        ("machine.limits", limit_words(machine.limits)),
        ("machine.os", listed(machine.os, kernel)),
        ("computer.python", machine.python),
    ]


def _disk(disk: Disk) -> QVBoxLayout:
    path, room, meter = ElidedLabel(role="label", middle=True), Label(role="muted"), Meter(thickness=6)
    path.setText(disk.path)
    room.setText(disk_words(disk))
    known = disk.total_bytes and disk.free_bytes is not None
    used = 1 - disk.free_bytes / disk.total_bytes if known else 0.0
    meter.set_value(used)
    meter.set_tone("bad" if used > FULL else "accent")
    meter.setAccessibleName(f"{t('machine.disk')} {disk.path}")
    top = QHBoxLayout()
    top.addWidget(path, 1)
    top.addWidget(room)
    column = QVBoxLayout()
    column.setSpacing(6)
    column.addLayout(top)
    column.addWidget(meter)
    return column
