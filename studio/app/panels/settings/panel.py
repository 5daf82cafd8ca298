"""Settings: few, each with a sentence that says what it does; a page for each part, chosen above."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout

from studio.app.desk import Desk
from studio.app.language import bind_text
from studio.app.panel import Panel
from studio.app.panels.settings.general import GeneralPage
from studio.app.panels.settings.parts import Page
from studio.app.widgets.deck import Deck
from studio.app.widgets.label import Label
from studio.app.widgets.segmented import SegmentedButtons

PAGES = ("general", "network", "connections")


class SettingsPanel(Panel):
    """`pages` by key, each made when it is first seen."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.pages: dict[str, Page] = {}
        self.choice = SegmentedButtons([(key, f"settings.page.{key}") for key in PAGES])
        self.choice.setMinimumWidth(420)
        self.choice.changed.connect(self.show_page)
        bind_text(self.choice.setAccessibleName, "settings.page")
        self._deck = Deck()
        top = QHBoxLayout()
        top.setContentsMargins(32, 24, 32, 12)
        top.addWidget(Label("panel.settings", "heading"), 1)
        top.addWidget(self.choice)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addLayout(top)
        whole.addWidget(self._deck, 1)
        self.show_page("general")

    def close_down(self) -> None:
        for page in self.pages.values():
            page.close_down()

    def show_page(self, key: str) -> None:
        """One of `PAGES`."""
        if key not in self.pages:
            self.pages[key] = self._make(key)
            self._deck.add(self.pages[key])
        self.choice.set_value(key)
        self._deck.show_page(self.pages[key])

    def _make(self, key: str) -> Page:
        if key == "network":
            from studio.app.panels.settings.network import NetworkPage

            return NetworkPage(self._desk, show_record=lambda: self.show_page("connections"))
        if key == "connections":
            from studio.app.panels.settings.connections import ConnectionsPage

            return ConnectionsPage(self._desk)
        return GeneralPage(self._desk)


def create(desk: Desk) -> SettingsPanel:
    return SettingsPanel(desk)
