"""Home from the second start on: examples to try, what this computer can do, what was made lately."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from studio.app.language import on_language
from studio.app.observable import bind, watch
from studio.app.panels.home.abilities import Abilities
from studio.app.panels.home.lately import Lately
from studio.app.panels.home.try_card import TryCard
from studio.app.panels.home.viewmodel import HomeModel, Try
from studio.app.widgets.card_grid import CardGrid
from studio.app.widgets.label import Label
from studio.app.widgets.scroll import ScrollColumn
from studio.domain.text import t

MARGIN = 30


class Overview(ScrollColumn):
    """`cards`: by task."""

    def __init__(self, model: HomeModel, parent: QWidget | None = None) -> None:
        super().__init__(parent, margins=(MARGIN, 26, MARGIN, 24), spacing=22)
        self._model = model
        self.cards: dict[str, TryCard] = {}
        self._greeting = Label(role="heading")
        self._tries = CardGrid(least=280, most=3)
        self.abilities = Abilities(model)
        self.lately = Lately(model)
        self._lay_out()
        bind(model.tries, self._show_tries)
        watch(model.greeting, self._greet)
        on_language(self._greet)

    def close_down(self) -> None:
        self.abilities.close_down()
        self.lately.close_down()

    def _lay_out(self) -> None:
        words = QVBoxLayout()
        words.setSpacing(4)
        words.addWidget(self._greeting)
        words.addWidget(Label("home.private", "muted"))
        below = QHBoxLayout()
        below.setSpacing(16)
        below.addWidget(self.abilities, 8)
        below.addWidget(self.lately, 7)
        self.body.addLayout(words)
        self.body.addWidget(self._tries)
        self.body.addLayout(below, 1)

    def _greet(self, _: object = None) -> None:
        self._greeting.setText(t(f"home.greeting.{self._model.greeting.value}"))

    def _show_tries(self, tries: tuple[Try, ...]) -> None:
        for one in tries:
            if one.task in self.cards:
                self.cards[one.task].show_try(one)
            else:
                self.cards[one.task] = TryCard(self._model, one)
                self.cards[one.task].setParent(self._tries)
        self._tries.set_most(max(3, len(tries)))
        self._tries.set_cards([self.cards[one.task] for one in tries])
