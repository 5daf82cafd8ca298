"""Models: what can be had, what is here, and what each allows and needs. Its pages stand in `pages`."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout

from studio.app.desk import Desk
from studio.app.panel import Panel
from studio.app.panels.models import pages
from studio.app.panels.models.pages import MARGIN, ModelsPage
from studio.app.panels.models.viewmodel import ModelsModel
from studio.app.widgets.deck import Deck
from studio.app.widgets.label import Label
from studio.app.widgets.segmented import SegmentedButtons


class ModelsPanel(Panel):
    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.model = ModelsModel(desk)
        self.segments = SegmentedButtons(pages.PAGES)
        self.segments.setVisible(len(pages.PAGES) > 1)
        self.segments.changed.connect(self.show_page)
        self._deck = Deck()
        self._pages: dict[str, ModelsPage] = {}
        top = QHBoxLayout()
        top.setContentsMargins(MARGIN, 0, MARGIN, 0)
        top.addWidget(Label("panel.models", "heading"))
        top.addStretch(1)
        top.addWidget(self.segments)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 24, 0, 0)
        column.setSpacing(16)
        column.addLayout(top)
        column.addWidget(self._deck, 1)
        self.show_page(pages.PAGES[0][0])

    def page(self, key: str) -> ModelsPage:
        """The page *key*, made now if it was not yet. KeyError if there is none."""
        if key not in self._pages:
            self._pages[key] = pages.create(key, self._desk, self.model)
            self._deck.add(self._pages[key])
        return self._pages[key]

    def show_page(self, key: str) -> ModelsPage:
        """Show the page *key*. KeyError if there is none."""
        page = self.page(key)
        self._deck.show_page(page)
        self.segments.set_value(key)
        return page

    def close_down(self) -> None:
        for page in self._pages.values():
            page.close_down()
        self.model.close()


def create(desk: Desk) -> ModelsPanel:
    return ModelsPanel(desk)
