"""Home: what can be tried now, what this computer can do, what was made lately; before that, a welcome."""

from __future__ import annotations

from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QStackedLayout, QVBoxLayout

from studio.app.desk import Desk
from studio.app.language import on_language
from studio.app.observable import bind, watch
from studio.app.panel import Panel
from studio.app.panels import makers
from studio.app.panels.home.abilities import Abilities
from studio.app.panels.home.lately import Lately
from studio.app.panels.home.try_card import TryCard
from studio.app.panels.home.viewmodel import HomeModel, Try
from studio.app.panels.home.welcome import Welcome
from studio.app.widgets.card_grid import CardGrid
from studio.app.widgets.label import Label
from studio.app.widgets.scroll import ScrollColumn
from studio.domain.text import t

MARGIN = 30


class HomePanel(Panel):
    """`welcome` is there during the first start only, the rest (`cards` by task) from its end on."""

    abilities: Abilities
    lately: Lately

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.model = HomeModel(desk)
        self.cards: dict[str, TryCard] = {}
        self.welcome: Welcome | None = None
        self._greeting = Label(role="heading")
        self._tries = CardGrid(least=280, most=max(3, len(makers())))
        self._stack = QStackedLayout(self)
        bind(self.model.welcomed, self._show_welcome)

    def close_down(self) -> None:
        if self.cards:
            self.lately.close_down()
        if self.welcome is not None:
            self.welcome.close_down()
        self.model.close()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.model.greet()

    def _lay_out(self) -> ScrollColumn:
        self.abilities = Abilities(self.model)
        self.lately = Lately(self.model)
        bind(self.model.tries, self._show_tries)
        watch(self.model.greeting, self._greet)
        on_language(self._greet)
        column = ScrollColumn(margins=(MARGIN, 26, MARGIN, 24), spacing=22)
        words = QVBoxLayout()
        words.setSpacing(4)
        words.addWidget(self._greeting)
        words.addWidget(Label("home.private", "muted"))
        below = QHBoxLayout()
        below.setSpacing(16)
        below.addWidget(self.abilities, 8)
        below.addWidget(self.lately, 7)
        column.body.addLayout(words)
        column.body.addWidget(self._tries)
        column.body.addLayout(below, 1)
        return column

    def _greet(self, _: object = None) -> None:
        self._greeting.setText(t(f"home.greeting.{self.model.greeting.value}"))

    def _show_tries(self, tries: tuple[Try, ...]) -> None:
        for one in tries:
            if one.task in self.cards:
                self.cards[one.task].show_try(one)
            else:
                self.cards[one.task] = TryCard(self.model, one)
                self.cards[one.task].setParent(self._tries)
        self._tries.set_cards([self.cards[one.task] for one in tries])

    def _show_welcome(self, welcomed: bool) -> None:
        if not welcomed and self.welcome is None:
            self.welcome = Welcome(self.model)
            self._stack.addWidget(self.welcome)
            self._stack.setCurrentWidget(self.welcome)
        elif welcomed and not self.cards:
            column = self._lay_out()
            self._stack.addWidget(column)
            self._stack.setCurrentWidget(column)
            self._end_welcome()

    def _end_welcome(self) -> None:
        if self.welcome is not None:
            self._stack.removeWidget(self.welcome)
            self.welcome.close_down()
            self.welcome.deleteLater()
            self.welcome = None


def create(desk: Desk) -> HomePanel:
    return HomePanel(desk)
