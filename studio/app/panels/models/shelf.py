"""Which of the models are shown, and in what order: the filters of one page."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QTimer

from studio.app.observable import Property
from studio.app.panels.models.state import ModelState
from studio.app.panels.models.viewmodel import ModelsModel
from studio.services.matching import text_of

SORTS = ("offered", "name", "size", "quick")
SIZES = (1e9, 4e9, 10e9, 30e9)
"""Bytes up to which models are shown."""

FEW = 100  # milliseconds in which changes are gathered


class Shelf:
    """`shown`: the ids that pass, in order. *here*: only what is on this computer."""

    def __init__(self, model: ModelsModel, *, here: bool = False) -> None:
        self._model, self._here = model, here
        self.shown: Property[tuple[str, ...]] = Property(())
        self.task: Property[str | None] = Property(None)
        self.fits: Property[bool] = Property(False)
        self.may_sell: Property[bool] = Property(False)
        self.ready: Property[bool] = Property(False)
        self.installed: Property[bool] = Property(False)
        self.language: Property[str | None] = Property(None)
        self.size: Property[float | None] = Property(None)
        self.sort: Property[str] = Property("offered")
        self.words: Property[str] = Property("")
        self._texts: dict[str, str] = {}
        self._shown: frozenset[str] = frozenset()
        self._soon = QTimer(singleShot=True, interval=FEW)
        self._soon.timeout.connect(self.narrow)
        self._ends: list[Callable[[], None]] = [
            narrowing.connect(lambda _: self.narrow())
            for narrowing in (
                self.task, self.fits, self.may_sell, self.ready, self.installed, self.language, self.size,
                self.sort, self.words,
            )
        ]  # fmt: skip
        self._ends += [
            model.listed.connect(lambda _: self._relisted()),
            model.touched.connect(self._touched),
        ]
        self.narrow()

    def close(self) -> None:
        self._soon.stop()
        for end in self._ends:
            end()

    def clear(self) -> None:
        """Drop every filter."""
        for narrowing in (self.fits, self.may_sell, self.ready, self.installed):
            narrowing.value = False
        self.task.value = self.language.value = self.size.value = None
        self.words.value = ""

    def _relisted(self) -> None:
        self._texts.clear()
        self.narrow()

    def _touched(self, model_id: str) -> None:
        """Only what changes who is shown, or in what order, is a reason to look at all."""
        card = self._model.cards.get(model_id)
        passes = card is not None and self._passes(card.value, self.words.value.casefold().split())
        moved = passes != (model_id in self._shown) or (passes and self.sort.value == "quick")
        if moved and not self._soon.isActive():
            self._soon.start()

    def narrow(self) -> None:
        """Look at every model again."""
        if self.fits.value or self.sort.value == "quick":
            self._model.judge_all()
        words = self.words.value.casefold().split()
        passing = [card.value for card in self._model.cards.values() if self._passes(card.value, words)]
        order: dict[str, Callable[[ModelState], object]] = {
            "name": lambda state: state.title.casefold(),
            "size": lambda state: state.bytes or float("inf"),
            "quick": lambda state: -(state.pace or 0.0),
        }
        if (key := order.get(self.sort.value)) is not None:
            passing.sort(key=key)  # pyright: ignore[reportArgumentType] - each is of one kind
        ids = tuple(state.model.id for state in passing)
        self._shown = frozenset(ids)
        self.shown.value = ids

    def _passes(self, state: ModelState, words: list[str]) -> bool:
        model, most = state.model, self.size.value
        return (
            (not self._here or state.here)
            and (self.task.value is None or self.task.value in model.tasks)
            and (not self.fits.value or state.fits)
            and (not self.may_sell.value or model.licence.commercial == "yes")
            and (not self.ready.value or state.mode != "coming")
            and (not self.installed.value or state.here)
            and (self.language.value is None or self.language.value in model.languages)
            and (most is None or (state.bytes is not None and state.bytes <= most))
            and all(word in self._text(state) for word in words)
        )

    def _text(self, state: ModelState) -> str:
        model_id = state.model.id
        if model_id not in self._texts:
            self._texts[model_id] = text_of(state.model)
        return self._texts[model_id]
