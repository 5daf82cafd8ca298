"""A repository of the hub as its headers describe it: what it is, its forms, its terms, and Get."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout

from studio.app.fit import TONES, fit_words
from studio.app.language import on_language
from studio.app.observable import bind, watch
from studio.app.panels.models.actions import PAGES, Page
from studio.app.panels.models.details import WIDTH
from studio.app.panels.models.hub_model import HubModel, Seen
from studio.app.widgets.button import Button
from studio.app.widgets.combo import ComboBox
from studio.app.widgets.inspector import Inspector
from studio.app.widgets.label import Label
from studio.app.widgets.status import StatusLine
from studio.domain.licence import Part, together
from studio.domain.licence_words import lines
from studio.domain.quantity import size
from studio.domain.remote import RemoteModel
from studio.domain.text import t
from studio.families.registry import families
from studio.services.licences import of_tag


class HubDetails(Inspector):
    def __init__(self, model: HubModel) -> None:
        super().__init__("models.details", width=WIDTH)
        self.model = model
        self.name = Label(role="title", wrap=True)
        self.words = Label(role="body", wrap=True)
        self.trouble = Label(role="error", wrap=True)
        self.variants = ComboBox()
        self.variants_title = Label("models.variant", "strong")
        self.fit = StatusLine()
        self.files = Label(role="small", wrap=True)
        self.terms = Label(role="label", wrap=True)
        self.treat_title = Label("hub.treat_as", "label", wrap=True)
        self.treat = ComboBox()
        self.get = Button("models.get", "download", "primary")
        self.page: Page | None = None
        self._mode = ""
        self._action = QVBoxLayout()
        for part in (
            self.name, self.words, self.trouble, self.variants_title, self.variants, self.fit, self.files,
            self.terms, self.treat_title, self.treat, self.get,
        ):  # fmt: skip
            self.body.addWidget(part)
        self.body.addLayout(self._action)
        self.body.addStretch(1)
        self.variants.changed.connect(lambda variant: self.model.look_at_variant(str(variant)))
        self.get.clicked.connect(self._get)
        bind(model.seen, self._show)
        watch(model.models.touched, self._touched)
        on_language(self._again)

    def _get(self) -> None:
        seen = self.model.seen.value
        known = seen is not None and seen.remote is not None and seen.remote.family is not None
        self.model.order("" if known else str(self.treat.value or ""))

    def _again(self) -> None:
        self._show(self.model.seen.value)

    def _show(self, seen: Seen | None) -> None:
        remote = seen.remote if seen is not None else None
        for part in (self.fit, self.files, self.terms):
            part.setVisible(remote is not None)
        self.trouble.setVisible(seen is not None and seen.failure is not None)
        if seen is None or remote is None:
            for part in (self.variants_title, self.variants, self.treat_title, self.treat, self.get):
                part.hide()
            self.name.setText(seen.name if seen is not None else "")
            self.name.setVisible(seen is not None)
            self.words.setText("" if seen is not None else t("hub.paste"))
            if seen is not None and seen.failure is not None:
                self.trouble.setText(f"{seen.failure.message}\n{seen.failure.hint}")
            self._turn_to("")
            return
        self._show_remote(seen, remote)

    def _show_remote(self, seen: Seen, remote: RemoteModel) -> None:
        self.name.setText(remote.repo)
        self.name.show()
        family = t(families()[remote.family].title_key) if remote.family else t("hub.unknown")
        parameters = sum(part.elements for part in remote.facts.parts.values())
        types = sorted({tensor.type for part in remote.facts.parts.values() for tensor in part.tensors})
        self.words.setText(
            t("hub.is", family=family, parameters=f"{parameters / 1e9:.2f}", types=", ".join(types))
        )
        self.variants.setVisible(bool(remote.variants))
        self.variants_title.setVisible(bool(remote.variants))
        self.variants.set_options(
            [(each.name, _variant_words(seen, each.name, each.bytes)) for each in remote.variants]
        )
        self.variants.set_value(remote.variant)
        verdict = seen.verdicts.get(remote.variant)
        self.fit.set(
            TONES[verdict.fit] if verdict else "muted", fit_words(verdict) if verdict else t("fit.unknown")
        )
        self.files.setText(t("hub.files", n=len(remote.files), size=size(remote.bytes)))
        known = self.model.models.studio.library.every()
        licence = of_tag(remote.licence, "", known)
        rules = list(lines(together([Part(title={}, licence=licence)])))
        rules.insert(0, t("licence.title", id=remote.licence or t("hub.no_licence")))
        rules += [t("licence.gated.words")] if remote.gated else []
        self.terms.setText("\n".join(f"•  {rule}" for rule in rules))
        unknown = remote.family is None
        possible = self.model.possible() if unknown else []
        self.treat.set_options([(name, families()[name].title_key) for name in possible])
        self.treat.set_value(possible[0] if possible else None)
        for part in (self.treat_title, self.treat):
            part.setVisible(unknown and bool(possible))
        self.get.setVisible(not seen.id and (not unknown or bool(possible)))
        self._turn_to(seen.id)

    def _touched(self, model_id: str) -> None:
        seen = self.model.seen.value
        if seen is not None and seen.id == model_id:
            self._turn_to(model_id)

    def _turn_to(self, model_id: str) -> None:
        """What can be done now with what is in the library's list; nothing before that."""
        card = self.model.models.cards.get(model_id)
        state = card.value if card is not None else None
        mode = f"{model_id} {state.mode}" if state is not None else ""
        if mode != self._mode:
            self._mode = mode
            old, self.page = self.page, None
            if old is not None:
                self._action.removeWidget(old)
                old.hide()
                old.deleteLater()
            if state is not None:
                self.page = PAGES[state.mode](self.model.models, state)
                self._action.addWidget(self.page)
                self.page.show()
        if self.page is not None and state is not None:
            self.page.show_state(state)
            self.page.name_buttons(state.title)


def _variant_words(seen: Seen, name: str, bytes_: int) -> str:
    verdict = seen.verdicts.get(name)
    words = [name or t("hub.plain"), size(bytes_)]
    return "  •  ".join([*words, t(f"fit.{verdict.fit}")] if verdict else words)
