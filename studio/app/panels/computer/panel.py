"""Computer: what this machine is and can do, how busy it is now; a page for each, chosen above."""

from __future__ import annotations

from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from studio.app.desk import Desk
from studio.app.observable import watch
from studio.app.panel import Panel
from studio.app.panels.computer.hardware import HardwarePage
from studio.app.panels.computer.overview import Overview
from studio.app.panels.computer.viewmodel import ComputerModel
from studio.app.widgets.deck import Deck
from studio.app.widgets.label import Label
from studio.app.widgets.segmented import SegmentedButtons
from studio.domain.failure import Failure


class ComputerPanel(Panel):
    """`pages` by key."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.model = ComputerModel(desk)
        self.pages: dict[str, QWidget] = {
            "overview": Overview(self.model),
            "hardware": HardwarePage(self.model),
        }
        self.choice = SegmentedButtons([(key, f"computer.page.{key}") for key in self.pages])
        self._deck = Deck()
        self._lay_out()
        watch(self.model.failure, self._complain)

    def close_down(self) -> None:
        self.model.close()

    def showEvent(self, event: QShowEvent) -> None:
        self.model.watch_live(True)
        super().showEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:
        self.model.watch_live(False)
        super().hideEvent(event)

    def _lay_out(self) -> None:
        words = QVBoxLayout()
        words.setSpacing(4)
        words.addWidget(Label("panel.computer", "heading"))
        words.addWidget(Label("computer.words", "muted"))
        top = QHBoxLayout()
        top.setContentsMargins(32, 24, 32, 12)
        top.addLayout(words, 1)
        top.addWidget(self.choice)
        for page in self.pages.values():
            self._deck.add(page)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addLayout(top)
        whole.addWidget(self._deck, 1)
        self.choice.changed.connect(self.show_page)
        self.show_page("overview")

    def show_page(self, key: str) -> None:
        """One of `pages`."""
        self.choice.set_value(key)
        self._deck.show_page(self.pages[key])

    def _complain(self, failure: Failure | None) -> None:
        if failure is not None:
            self._desk.complain(failure, "app.retry", self.model.check_devices)


def create(desk: Desk) -> ComputerPanel:
    return ComputerPanel(desk)
