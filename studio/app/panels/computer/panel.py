"""Computer: what this machine is and can do, how busy it is now; a page for each, chosen above."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from studio.app.desk import Desk
from studio.app.language import bind_text
from studio.app.observable import watch
from studio.app.panel import Panel
from studio.app.panels.computer.overview import Overview
from studio.app.panels.computer.viewmodel import ComputerModel
from studio.app.widgets.deck import Deck
from studio.app.widgets.label import Label
from studio.app.widgets.segmented import SegmentedButtons
from studio.domain.failure import Failure

if TYPE_CHECKING:
    from studio.app.panels.computer.checkup import Checkup

PAGES = ("overview", "checkup", "hardware")


class ComputerPanel(Panel):
    """`pages` by key, each made when it is first seen."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.model = ComputerModel(desk)
        self.pages: dict[str, QWidget] = {}
        self.choice = SegmentedButtons([(key, f"computer.page.{key}") for key in PAGES])
        self._deck = Deck()
        self._checkup: Checkup | None = None
        self._lay_out()
        self.choice.changed.connect(self.show_page)
        watch(self.model.failure, self._complain)
        self.show_page("overview")

    def close_down(self) -> None:
        self.model.close()
        if self._checkup is not None:
            self._checkup.close_down()

    def show_page(self, key: str) -> None:
        """One of `PAGES`."""
        if key not in self.pages:
            self.pages[key] = self._make(key)
            self._deck.add(self.pages[key])
        self.choice.set_value(key)
        self._deck.show_page(self.pages[key])

    def _make(self, key: str) -> QWidget:
        if key == "checkup":  # it begins at once
            from studio.app.panels.computer.checkup import Checkup

            self._checkup = Checkup(self._desk)
            return self._checkup
        if key == "hardware":
            from studio.app.panels.computer.hardware import HardwarePage

            return HardwarePage(self.model)
        return Overview(self.model)

    def showEvent(self, event: QShowEvent) -> None:
        self.model.watch_live(True)
        super().showEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        self.model.watch_live(False)
        super().hideEvent(event)

    def _lay_out(self) -> None:
        self.choice.setMinimumWidth(420)
        bind_text(self.choice.setAccessibleName, "computer.page")
        words = QVBoxLayout()
        words.setSpacing(4)
        words.addWidget(Label("panel.computer", "heading"))
        words.addWidget(Label("computer.words", "muted"))
        top = QHBoxLayout()
        top.setContentsMargins(32, 24, 32, 12)
        top.addLayout(words, 1)
        top.addWidget(self.choice)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addLayout(top)
        whole.addWidget(self._deck, 1)

    def _complain(self, failure: Failure | None) -> None:
        if failure is not None:
            self._desk.complain(failure, "app.retry", self.model.check_devices)


def create(desk: Desk) -> ComputerPanel:
    return ComputerPanel(desk)
