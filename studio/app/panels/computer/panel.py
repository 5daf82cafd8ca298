"""Computer: what this machine is, how busy it is now, and what the studio can use of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from studio.app.desk import Desk
from studio.app.language import bind_text, on_language
from studio.app.observable import bind, watch
from studio.app.panel import Panel
from studio.app.panels.computer.viewmodel import ComputerModel
from studio.app.widgets.button import Button
from studio.app.widgets.card import Card, IconTile, Separator
from studio.app.widgets.deck import Deck
from studio.app.widgets.label import Label
from studio.app.widgets.meter import Meter
from studio.app.widgets.scroll import ScrollColumn
from studio.app.widgets.segmented import SegmentedButtons
from studio.app.widgets.status import StatusLine
from studio.domain.failure import Failure
from studio.domain.machine import Accelerator, Disk
from studio.domain.quantity import gigabytes, size
from studio.domain.text import t
from studio.services.machine.meter import Figures

if TYPE_CHECKING:
    from studio.app.panels.computer.checkup import Checkup


class Live(QWidget):
    """A figure that moves: its name, a bar, its words."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self._words = Label(role="muted")
        self._meter = Meter(thickness=8)
        top = QHBoxLayout()
        top.addWidget(Label(key, "label"))
        top.addStretch(1)
        top.addWidget(self._words)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addLayout(top)
        column.addWidget(self._meter)

    def set(self, fraction: float | None, words: str) -> None:
        self._meter.set_value(0.0 if fraction is None else fraction)
        self._meter.set_tone("bad" if fraction is not None and fraction > 0.92 else "accent")
        self._words.setText(words)


class ComputerPanel(Panel):
    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.model = ComputerModel(desk.studio)
        self._facts = QGridLayout()
        self._cards = QVBoxLayout()
        self._disks = QVBoxLayout()
        self._cpu = Live("computer.cpu")
        self._ram = Live("computer.ram")
        self._engine = Live("computer.engine")
        self._check = Button("computer.check", "check")
        self._free = Button("computer.free_memory", "memory")
        self._deck = Deck()
        self._checkup: Checkup | None = None
        self._pages = SegmentedButtons(
            [("overview", "computer.page.overview"), ("checkup", "computer.page.checkup")]
        )
        self._pages.set_value("overview")
        self._lay_out()
        self._pages.changed.connect(self._turn_to)
        self._check.clicked.connect(self.model.check_devices)
        self._free.clicked.connect(self._free_memory)
        watch(self.model.machine, self._show)
        watch(self.model.tried, self._show)
        bind(self.model.checking, self._show_checking)
        watch(self.model.figures, self._show_figures)
        watch(self.model.failure, self._complain)
        on_language(self._retranslate)

    def close_down(self) -> None:
        self.model.close()
        if self._checkup is not None:
            self._checkup.close_down()

    def _turn_to(self, page: object) -> None:
        """Show the overview, or the check-up, which begins when it is first seen."""
        if page == "checkup" and self._checkup is None:
            from studio.app.panels.computer.checkup import Checkup

            self._checkup = Checkup(self._desk)
            self._deck.add(self._checkup)
        self._deck.show_page(self._checkup if page == "checkup" and self._checkup else self._overview)

    def showEvent(self, event: QShowEvent) -> None:
        self.model.watch_live(True)
        super().showEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        self.model.watch_live(False)
        super().hideEvent(event)

    # --- how it is put together ----------------------------------------------------------------

    def _lay_out(self) -> None:
        scroll = ScrollColumn(margins=(32, 12, 32, 20), spacing=16)
        scroll.body.addWidget(Label("computer.words", "muted", wrap=True))
        upper = QHBoxLayout()
        upper.setSpacing(16)
        upper.addWidget(self._about(), 1)
        upper.addWidget(self._now(), 1)
        scroll.body.addLayout(upper)
        scroll.body.addWidget(self._accelerators())
        scroll.body.addWidget(_titled("disk", "computer.disks", self._disks))
        scroll.body.addStretch(1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addLayout(self._top())
        whole.addWidget(self._deck, 1)
        self._overview = scroll
        self._deck.add(scroll)
        self._deck.show_page(scroll)

    def _top(self) -> QHBoxLayout:
        self._pages.setMinimumWidth(260)
        bind_text(self._pages.setAccessibleName, "computer.page")
        row = QHBoxLayout()
        row.setContentsMargins(32, 26, 32, 4)
        row.addWidget(Label("panel.computer", "heading"))
        row.addStretch(1)
        row.addWidget(self._pages)
        return row

    def _about(self) -> Card:
        self._facts.setHorizontalSpacing(18)
        self._facts.setVerticalSpacing(10)
        self._facts.setColumnStretch(1, 1)
        return _titled("computer", "computer.about", self._facts)

    def _now(self) -> Card:
        column = QVBoxLayout()
        column.setSpacing(16)
        for live in (self._cpu, self._ram, self._engine):
            column.addWidget(live)
        column.addWidget(self._free, 0, Qt.AlignmentFlag.AlignLeft)
        return _titled("clock", "computer.now", column)

    def _accelerators(self) -> Card:
        self._cards.setSpacing(10)
        column = QVBoxLayout()
        column.setSpacing(12)
        column.addLayout(self._cards)
        column.addWidget(self._check, 0, Qt.AlignmentFlag.AlignLeft)
        return _titled("gpu", "computer.accelerators", column)

    # --- showing -------------------------------------------------------------------------------

    def _retranslate(self) -> None:
        self._show(None)
        self._show_figures(self.model.figures.value)

    def _show(self, _: object) -> None:
        machine = self.model.machine.value
        if machine is None:
            return
        _clear(self._facts)
        cpu = machine.cpu
        cores = t("computer.cores", physical=cpu.physical_cores or "?", logical=cpu.logical_cores or "?")
        memory = machine.ram.total_bytes
        flags = ", ".join(flag for flag in cpu.flags)
        facts = [
            ("computer.processor", cpu.name),
            ("computer.cores.title", cores),
            ("computer.instructions", flags),
            ("computer.memory", f"{gigabytes(memory)} GB" if memory else ""),
            ("computer.system", ", ".join(filter(None, (machine.os, machine.kernel)))),
            ("computer.python", machine.python),
        ]
        for row, (key, words) in enumerate((key, words) for key, words in facts if words):
            value = Label(wrap=True)
            value.setText(words)
            self._facts.addWidget(Label(key, "muted"), row, 0, Qt.AlignmentFlag.AlignTop)
            self._facts.addWidget(value, row, 1)
        self._show_accelerators(machine.accelerators)
        _clear(self._disks)
        for disk in machine.disks:
            self._disks.addWidget(_disk(disk))

    def _show_accelerators(self, accelerators: tuple[Accelerator, ...]) -> None:
        _clear(self._cards)
        if not accelerators:
            self._cards.addWidget(Label("computer.accelerators.none", "muted", wrap=True))
        for card in accelerators:
            line = StatusLine()
            tone = {True: "ok", False: "bad", None: "muted"}[card.usable]
            memory = f"  •  {gigabytes(card.memory_total_bytes)} GB" if card.memory_total_bytes else ""
            state = {True: "usable", False: "unusable", None: "untried"}[card.usable]
            line.set(tone, f"{card.vendor} {card.name}{memory}  •  {t(f'computer.{state}')}")
            self._cards.addWidget(line)
            if card.reason:
                reason = Label(role="muted", wrap=True)
                reason.setText(" ".join(filter(None, (card.why, card.how))))
                self._cards.addWidget(reason)
        if self.model.tried.value:
            line = StatusLine()
            line.set("ok", f"{t('computer.processor')}  •  {t('computer.usable')}")
            self._cards.addWidget(line)

    def _show_checking(self, checking: bool) -> None:
        self._check.setEnabled(not checking)
        self._check.setText(t("computer.checking" if checking else "computer.check"))

    def _show_figures(self, figures: Figures | None) -> None:
        if figures is None:
            return
        self._cpu.set(figures.cpu_percent / 100, f"{figures.cpu_percent:.0f} %")
        used, total = figures.ram_used_bytes, figures.ram_total_bytes
        words = t("computer.of", used=gigabytes(used), total=gigabytes(total))
        self._ram.set(used / total if total else None, words)
        engine = figures.engine_bytes
        words = t("computer.engine.off") if engine is None else size(engine)
        self._engine.set(engine / total if engine is not None and total else None, words)
        self._free.setEnabled(engine is not None)

    def _complain(self, failure: Failure | None) -> None:
        if failure is not None:
            self._desk.complain(failure, "app.retry", self.model.check_devices)

    def _free_memory(self) -> None:
        """Freeing stops what runs, so that is asked first."""
        if self.model.at_work:
            self._desk.say(t("computer.free_busy"), "computer.free_anyway", self._free_now)
        else:
            self._free_now()

    def _free_now(self) -> None:
        self.model.free_memory()
        self._desk.say(t("computer.freed"))


def _disk(disk: Disk) -> Live:
    live = Live("")
    free, total = gigabytes(disk.free_bytes or 0), gigabytes(disk.total_bytes or 0)
    label = live.findChild(Label)
    if label is not None:
        label.setText(disk.path)
    known = disk.total_bytes and disk.free_bytes is not None
    used = 1 - disk.free_bytes / disk.total_bytes if known else None
    live.set(used, t("computer.disk.free", free=free, total=total))
    return live


def _titled(icon: str, key: str, content: QVBoxLayout | QGridLayout) -> Card:
    card = Card(margin=20, spacing=14)
    top = QHBoxLayout()
    top.setSpacing(10)
    top.addWidget(IconTile(icon, side=32))
    top.addWidget(Label(key, "title"))
    top.addStretch(1)
    card.body.addLayout(top)
    card.body.addWidget(Separator())
    card.body.addLayout(content)
    card.body.addStretch(1)
    return card


def _clear(layout: QVBoxLayout | QGridLayout) -> None:
    while (item := layout.takeAt(0)) is not None:
        if (widget := item.widget()) is not None:
            widget.hide()
            widget.deleteLater()


def create(desk: Desk) -> ComputerPanel:
    return ComputerPanel(desk)
