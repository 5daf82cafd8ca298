"""One model in full, beside the cards: what it is, needs and allows, and the thing to do with it now."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from studio.app.language import on_language
from studio.app.licences import TONES as LICENCE_TONES
from studio.app.observable import watch
from studio.app.panels.models.actions import PAGES, Page
from studio.app.panels.models.state import ModelState, source_of
from studio.app.panels.models.viewmodel import ModelsModel
from studio.app.panels.models.words import (
    icon_of,
    kind_words,
    licence_words,
    rough_line,
    size_words,
    speed_line,
)
from studio.app.widgets.card import IconTile, Separator
from studio.app.widgets.chips import Tag
from studio.app.widgets.combo import ComboBox
from studio.app.widgets.flow import FlowLayout
from studio.app.widgets.inspector import Inspector
from studio.app.widgets.label import ElidedLabel, Label
from studio.domain.licence_words import lines
from studio.domain.model import Choice, Hub, choices_of
from studio.domain.quantity import size
from studio.domain.text import localized, t
from studio.services.licences import terms_of

WIDTH = 372


class Details(Inspector):
    """`page` is what can be done now; nothing is shown before `look_at`."""

    def __init__(self, model: ModelsModel) -> None:
        super().__init__("models.details", width=WIDTH)
        self.model = model
        self.id: str | None = None
        self.page: Page | None = None
        self._mode = ""
        self._tile = IconTile("models", side=44)
        self._name, self._source = Label(role="title", wrap=True), ElidedLabel(role="small", middle=True)
        self._words = Label(role="body", wrap=True)
        self._kind, self._size, self._licence = Tag(), Tag(), Tag(icon="licence")
        self._gated = Tag("models.gated", "lock", "warning")
        self._coming = Tag("models.coming", "clock", "accent")
        self.fit, self._fit_note = Label(role="strong", wrap=True), Label(role="small", wrap=True)
        self.needs = Label(role="label", wrap=True)
        self.variants = ComboBox()
        self._variant_row = self._variants()
        self.terms = Label(role="label", wrap=True)
        self._terms_title = Label("models.terms", "strong")
        self._action = QVBoxLayout()
        self._lay_out()
        self.variants.changed.connect(self._choose)
        watch(model.touched, self._touched)
        watch(model.listed, self._listed)
        on_language(self._say)

    def _lay_out(self) -> None:
        names = QVBoxLayout()
        names.setSpacing(2)
        names.addWidget(self._name)
        names.addWidget(self._source)
        top = QHBoxLayout()
        top.setSpacing(12)
        top.addWidget(self._tile)
        top.addLayout(names, 1)
        facts = QWidget()
        flow = FlowLayout(facts, spacing=6)
        for tag in (self._kind, self._size, self._licence, self._gated, self._coming):
            flow.addWidget(tag)
        runs = QVBoxLayout()
        runs.setSpacing(4)
        runs.addWidget(self.fit)
        runs.addWidget(self._fit_note)
        self.body.addLayout(top)
        self.body.addWidget(facts)
        self.body.addWidget(self._words)
        self.body.addLayout(runs)
        self.body.addWidget(self._variant_row)
        self.body.addWidget(self.needs)
        self.body.addWidget(Separator())
        self.body.addWidget(self._terms_title)
        self.body.addWidget(self.terms)
        self.body.addLayout(self._action)
        self.body.addStretch(1)

    def _variants(self) -> QWidget:
        holder = QWidget()
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        label = Label("models.variant", "strong")
        label.setBuddy(self.variants)
        column.addWidget(label)
        column.addWidget(self.variants)
        return holder

    def look_at(self, model_id: str) -> None:
        """Show the model of that id."""
        if model_id != self.id:
            self.id, self._mode = model_id, ""
            self.model.look_at([model_id])
        self._say()

    @property
    def state(self) -> ModelState | None:
        card = self.model.cards.get(self.id or "")
        return card.value if card is not None else None

    def _touched(self, model_id: str) -> None:
        if model_id == self.id:
            self._say()

    def _listed(self, _: None) -> None:
        self._say()

    def _choose(self, variant: object) -> None:
        if self.id is not None:
            self.model.choose(self.id, str(variant))

    def _say(self) -> None:
        state = self.state
        if state is None:
            return
        model = state.model
        self._tile.set_icon(icon_of(model))
        self._name.setText(state.title)
        self._source.setText(source_of(model))
        self._words.setText(localized(model.description))
        self._kind.set_text(kind_words(model))
        self._size.set_text(size_words(state))
        self._licence.set_text(licence_words(model.licence))
        self._licence.set_tone(LICENCE_TONES[model.licence.commercial])
        self._gated.setVisible(model.licence.gated)
        self._coming.setVisible(state.mode == "coming")
        coming = state.mode == "coming"
        self.fit.setText((rough_line(state) if coming else speed_line(state.speed))[1])
        rough = coming or not (model.facts or state.here or self.model.studio.library.ordered(model.id))
        self._fit_note.setText(t("models.rough") if rough else t("models.planned"))
        self._show_needs(state)
        self._show_variants(state)
        parts = self.model.studio.library.together(model)
        self.terms.setText("\n".join(f"•  {line}" for line in lines(terms_of(parts))))
        for part in (self._terms_title, self.terms):  # the licence sheet says the same of one alone
            part.setVisible(state.mode != "asked" or len(parts) > 1)
        if state.mode != self._mode:
            self._turn_to(state)
        if self.page is not None:
            self.page.show_state(state)
            self.page.name_buttons(state.title)

    def _show_needs(self, state: ModelState) -> None:
        others = self.model.studio.library.together(state.model)[1:]
        named = [f"{localized(each.title)} ({size(each.bytes or 0)})" for each in others]
        self.needs.setVisible(bool(named))
        self.needs.setText(t("models.needs", names="; ".join(named)))

    def _show_variants(self, state: ModelState) -> None:
        listed = self.model.studio.library.listed(state.model.id)
        choices = choices_of(listed) if listed is not None and state.mode == "offered" else ()
        self._variant_row.setVisible(bool(choices))
        self.variants.set_options([(each.name, _choice_words(each)) for each in choices])
        chosen = next((s.variant for s in state.model.sources if isinstance(s, Hub)), "")
        self.variants.set_value(chosen)

    def _turn_to(self, state: ModelState) -> None:
        """Another page; the keyboard goes on to its first button if it was on the old one."""
        old, self._mode = self.page, state.mode
        had_keyboard = old is not None and old.isAncestorOf(self.focusWidget() or self)
        self.page = PAGES[state.mode](self.model, state)
        self._action.addWidget(self.page)
        self.page.show()
        if old is not None:
            self._action.removeWidget(old)
            old.hide()
            old.deleteLater()
        if had_keyboard:
            self.enter()

    def enter(self) -> None:
        """The keyboard goes to the first thing to do."""
        if self.page is not None and self.page.first is not None:
            self.page.first.setFocus()


def _choice_words(choice: Choice) -> str:
    return f"{choice.name}  •  {size(choice.bytes)}"
