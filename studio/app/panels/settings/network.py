"""Network: the offline switch, where models come from, by which way, and with whose tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QWidget

from studio.app.desk import Desk
from studio.app.language import bind_text, on_language
from studio.app.observable import watch
from studio.app.panels.settings.network_model import RATES, NetworkModel
from studio.app.panels.settings.parts import MARGINS, WIDTH, Page, labelled, left, section
from studio.app.panels.settings.sources_card import Sources
from studio.app.token_model import KINDS, TokensModel
from studio.app.token_row import SecretField, TokenRow
from studio.app.widgets.button import Button
from studio.app.widgets.card import Card, Separator
from studio.app.widgets.combo import ComboBox
from studio.app.widgets.label import Label
from studio.app.widgets.number_box import set_invalid
from studio.app.widgets.scroll import ScrollColumn
from studio.app.widgets.segmented import SegmentedButtons
from studio.app.widgets.switch import Switch
from studio.domain.failure import StudioError
from studio.domain.quantity import speed
from studio.domain.text import t
from studio.services.tokens import PROXY

WAYS = (("", "settings.proxy.system"), ("none", "settings.proxy.none"), ("own", "settings.proxy.own"))
FIELD = 360


class NetworkPage(Page):
    def __init__(self, desk: Desk, show_record: Callable[[], object]) -> None:
        super().__init__()
        self._desk = desk
        self.model, self.tokens = NetworkModel(desk), TokensModel(desk)
        self._own_proxy = False  # chosen, though no address is typed yet
        scroll = ScrollColumn(margins=MARGINS, spacing=16)
        for card in (self._offline(show_record), self._sources(), self._way(), self._tokens()):
            card.setMaximumWidth(WIDTH)
            scroll.body.addWidget(card)
        scroll.body.addStretch(1)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(scroll)
        self._ends = (
            desk.studio.settings.changed.connect(lambda _: self._show()),
            desk.studio.mirrors.changed.connect(lambda _: self.sources.show_all()),
        )
        on_language(self._retranslate)
        watch(self.tokens.places, self._show_password)
        self.tokens.look()

    def close_down(self) -> None:
        self.model.close()
        self.tokens.close()
        for end in self._ends:
            end()

    # --- the cards ------------------------------------------------------------------------------

    def _offline(self, show_record: Callable[[], object]) -> Card:
        card = section("offline", "settings.offline", "settings.offline.words")
        self.offline = Switch("settings.offline.switch")
        self.offline.changed.connect(lambda on: self._change("offline", bool(on)))
        self._kept = Label("settings.offline.kept", "small", wrap=True)
        card.body.addWidget(self.offline)
        card.body.addWidget(self._kept)
        record = Button("settings.connections.show", "file")
        record.clicked.connect(lambda _: show_record())
        card.body.addLayout(left(record))
        return card

    def _sources(self) -> Card:
        card = section("download", "settings.mirrors", "settings.mirrors.words")
        self.sources = Sources(self.model)
        card.body.addWidget(self.sources)
        return card

    def _way(self) -> Card:
        card = section("online", "settings.way")
        self.way = SegmentedButtons(WAYS)
        self.way.setMinimumWidth(FIELD)
        bind_text(self.way.setAccessibleName, "settings.proxy")
        self.way.changed.connect(self._choose_way)
        card.body.addLayout(labelled("settings.proxy", self.way))
        self.proxy = _line("settings.proxy.address", "socks5://127.0.0.1:1080")
        self.proxy.editingFinished.connect(self._typed_proxy)
        self._proxy_row = _hidden(labelled("settings.proxy.address", self.proxy))
        card.body.addWidget(self._proxy_row)
        self.password = SecretField("settings.proxy.password.paste", "settings.proxy.password")
        self.password.setFixedWidth(FIELD - 90)
        self._password_words = Label(role="small", wrap=True)
        keep = Button("token.keep", "lock")
        keep.clicked.connect(self._keep_password)
        self.password.returnPressed.connect(self._keep_password)
        self._password_row = _hidden(labelled("settings.proxy.password", self.password, keep))
        card.body.addWidget(self._password_row)
        card.body.addWidget(self._password_words)
        self.rate = ComboBox(_rates())
        self.rate.setMinimumWidth(FIELD)
        bind_text(self.rate.setAccessibleName, "settings.bandwidth")
        self.rate.changed.connect(lambda value: self._change("bandwidth", value))
        card.body.addLayout(labelled("settings.bandwidth", self.rate))
        card.body.addWidget(Separator())
        self.index = _line("settings.package_index", "")
        bind_text(self.index.setPlaceholderText, "settings.package_index.usual")
        self.index.editingFinished.connect(lambda: self._typed("package_index", self.index))
        card.body.addLayout(labelled("settings.package_index", self.index))
        card.body.addWidget(Label("settings.package_index.words", "small", wrap=True))
        self._wrong = Label(role="error", wrap=True)
        card.body.addWidget(self._wrong)
        self._wrong.hide()
        return card

    def _tokens(self) -> Card:
        card = section("key", "token.title", "token.words")
        for number, kind in enumerate(KINDS):
            if number:
                card.body.addWidget(Separator())
            card.body.addWidget(TokenRow(self.tokens, kind))
        return card

    # --- showing and changing --------------------------------------------------------------------

    def _retranslate(self) -> None:
        self.rate.set_options(_rates(self.model.settings.bandwidth))
        self._show()

    def _show(self) -> None:
        settings = self.model.settings
        self.offline.set_value(settings.offline or self.model.kept_offline)
        self.offline.setEnabled(not self.model.kept_offline)
        self._kept.setVisible(self.model.kept_offline)
        own = bool(settings.proxy) and settings.proxy != "none"
        self._own_proxy = own or (self._own_proxy and not settings.proxy)
        self.way.set_value("own" if self._own_proxy else settings.proxy)
        self._proxy_row.setVisible(self._own_proxy)
        self._password_row.setVisible(own and "@" in settings.proxy)
        if not self.proxy.hasFocus() and not self.proxy.property("invalid"):
            self.proxy.setText(settings.proxy if own else "")
        if not self.index.hasFocus() and not self.index.property("invalid"):
            self.index.setText(settings.package_index)
        self.rate.set_options(_rates(settings.bandwidth))
        self.rate.set_value(settings.bandwidth)
        self._show_password(self.tokens.places.value)
        self.sources.show_all()

    def _show_password(self, places: dict[str, str]) -> None:
        key = places[PROXY]
        shown = not self._password_row.isHidden()
        self._password_words.setText(t(key) if key and not key.endswith(".none") else "")
        self._password_words.setVisible(shown and bool(self._password_words.text()))

    def _change(self, name: str, value: Any) -> None:
        try:
            self.model.change(name, value)
        except StudioError as error:
            self._desk.complain(error.failure)
        self._show()

    def _typed_proxy(self) -> None:
        if self._own_proxy:  # else it only loses the keyboard because another way was chosen
            self._typed("proxy", self.proxy)

    def _typed(self, name: str, field: QLineEdit) -> None:
        if field.text().strip() == getattr(self.model.settings, name) and not field.property("invalid"):
            return
        try:
            self.model.type(name, field.text())
        except StudioError as error:
            words = error.failure.message
        else:
            words = ""
        self._wrong.setText(words)
        self._wrong.setVisible(bool(words))
        set_invalid(field, bool(words))
        if not words:
            self._show()

    def _choose_way(self, way: object) -> None:
        self._own_proxy = way == "own"
        set_invalid(self.proxy, False)
        self._wrong.hide()
        if way != "own":
            self._change("proxy", way)
        else:
            self._show()
            self.proxy.setFocus()

    def _keep_password(self) -> None:
        if value := self.password.take():
            self.tokens.keep(PROXY, value)


def _line(name_key: str, example: str) -> QLineEdit:
    field = QLineEdit()
    field.setFixedSize(FIELD, 36)
    field.setPlaceholderText(example)
    bind_text(field.setAccessibleName, name_key)
    return field


def _hidden(row: QHBoxLayout) -> QWidget:
    """*row* as a widget that can be hidden."""
    holder = QWidget()
    row.setContentsMargins(0, 0, 0, 0)
    holder.setLayout(row)
    return holder


def _rates(chosen: int = 0) -> list[tuple[object, str]]:
    rates = sorted({*RATES, chosen})
    return [(rate, speed(rate) if rate else t("settings.bandwidth.none")) for rate in rates]
