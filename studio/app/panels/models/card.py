"""One model: what it is, what it allows, whether it fits, and the one thing to do with it now."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from studio.app.fit import TONES, fit_words
from studio.app.language import on_language
from studio.app.licences import TONES as LICENCE_TONES
from studio.app.observable import Property, bind
from studio.app.panels.models.actions import PAGES, Page
from studio.app.panels.models.viewmodel import ModelsModel, ModelState, source_of
from studio.app.speed import Speed, speed_words
from studio.app.strip_feed import ICONS
from studio.app.widgets.card import Card, CardHeader, IconTile
from studio.app.widgets.chips import Tag
from studio.app.widgets.flow import FlowLayout
from studio.app.widgets.label import ElidedLabel, Label
from studio.app.widgets.status import StatusLine
from studio.domain.model import Model
from studio.domain.plan import Fit
from studio.domain.quantity import size
from studio.domain.text import localized, t


def speed_line(speed: Speed) -> tuple[str, str]:
    """Tone and words for how a model runs here: whether it fits, and how fast it is."""
    estimate = speed.estimate
    if estimate is None or (estimate.fit is Fit.UNKNOWN and speed.seconds is None):
        return "muted", t("fit.unknown")
    if speed.seconds is None:
        words = fit_words(estimate)
        if estimate.seconds is None:
            words += f"  •  {t('models.unmeasured')}"
        return TONES[estimate.fit], words
    fit = "" if estimate.fit is Fit.UNKNOWN else f"{t(f'fit.{estimate.fit}')}  •  "
    return TONES[estimate.fit], fit + speed_words(speed)


class ModelCard(Card):
    """Follows one model's state. Its lower part is the page of the state's mode."""

    def __init__(self, model: ModelsModel, state: Property[ModelState]) -> None:
        super().__init__(margin=0, spacing=0)
        self._model, self._state = model, state
        self.page: Page | None = None
        self._mode = ""
        self._title = ElidedLabel(role="title")
        self._source = ElidedLabel(role="small", middle=True)
        self._words = Label(role="muted", wrap=True)
        self._kind, self._size, self._licence = Tag(), Tag(), Tag(icon="licence")
        self._gated = Tag("models.gated", "lock", "warning")
        self._coming = Tag("models.coming", "clock", "accent")
        self.fit = StatusLine()
        self._foot = QVBoxLayout()
        self._lay_out(ICONS.get(state.value.model.tasks[0], "models"))
        bind(state, self._show)
        on_language(self._say)

    def _lay_out(self, icon: str) -> None:
        header = CardHeader()
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(IconTile(icon, side=44))
        names = QVBoxLayout()
        names.setSpacing(1)
        names.addWidget(self._title)
        names.addWidget(self._source)
        row.addLayout(names, 1)
        header.body.addLayout(row)
        facts = QWidget()
        flow = FlowLayout(facts, spacing=6)
        for tag in (self._kind, self._size, self._licence, self._gated, self._coming):
            flow.addWidget(tag)
        inner = QVBoxLayout()
        inner.setContentsMargins(16, 14, 16, 16)
        inner.setSpacing(10)
        inner.addWidget(facts)
        inner.addWidget(self._words)
        inner.addWidget(self.fit)
        inner.addStretch(1)
        inner.addLayout(self._foot)
        self.body.addWidget(header)
        self.body.addLayout(inner, 1)

    def _show(self, state: ModelState) -> None:
        self._gated.setVisible(state.model.licence.gated)
        self._coming.setVisible(state.mode == "coming")
        self._say()
        if state.mode != self._mode:
            self._turn_to(state)
        if self.page is not None:
            self.page.show_state(state)
            self.page.name_buttons(localized(state.model.title))

    def _turn_to(self, state: ModelState) -> None:
        """Another page; the keyboard goes on to its first button if it was on the old one."""
        old, self._mode = self.page, state.mode
        had_keyboard = old is not None and old.isAncestorOf(self.focusWidget() or self)
        self.page = PAGES[state.mode](self._model, state)
        self._foot.addWidget(self.page)
        self.page.setParent(self)
        self.page.show()
        if old is not None:
            self._foot.removeWidget(old)
            old.hide()
            old.deleteLater()
        if had_keyboard and self.page.first is not None:
            self.page.first.setFocus()

    def _say(self) -> None:
        model = self._state.value.model
        title = localized(model.title)
        self._title.setText(title)
        self.setAccessibleName(title)
        self._source.setText(source_of(model))
        self._words.setText(localized(model.description))
        self._kind.set_text(kind_words(model))
        self._size.set_text(size_words(self._state.value))
        terms = t(f"licence.{model.licence.commercial}.short")
        self._licence.set_text(f"{model.licence.id}  •  {terms}" if model.licence.id else terms)
        self._licence.set_tone(LICENCE_TONES[model.licence.commercial])
        self.fit.set(*speed_line(self._state.value.speed))
        if self.page is not None:
            self.page.name_buttons(title)


def kind_words(model: Model) -> str:
    """ "Text  •  en zh": what it makes and in which languages."""
    tasks = ", ".join(t(f"task.{task}") for task in model.tasks)
    names = " ".join(model.languages)
    return f"{tasks}  •  {names}" if names else tasks


def size_words(state: ModelState) -> str:
    """On disk once it is here, to fetch before; "about" where nobody weighed it."""
    model = state.model
    if state.entry.installed:
        return size(state.entry.installed.bytes) if state.entry.installed.bytes else t("models.no_file")
    if model.bytes is None:
        return t("models.size_unknown")
    words = size(model.fetch_bytes or model.bytes)
    return t("models.about", size=words) if model.approximate else words
