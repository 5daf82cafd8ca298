"""What other hardware would change: computed for this computer, and each kind of hardware in words."""

from __future__ import annotations

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from studio.app.language import on_language
from studio.app.observable import watch
from studio.app.panels.computer.parts import clear, titled
from studio.app.panels.computer.viewmodel import ComputerModel
from studio.app.widgets.card import Card, IconTile
from studio.app.widgets.card_grid import CardGrid
from studio.app.widgets.chips import Chip, Tag
from studio.app.widgets.flow import FlowLayout
from studio.app.widgets.label import Label
from studio.app.widgets.scroll import ScrollColumn
from studio.app.widgets.status import StatusLine
from studio.domain.text import localized, t
from studio.services.hardware import CARDS, Hardware, Source, Upgrade, guide

ICONS = {"cpu": "computer", "gpu": "gpu", "tpu": "online", "npu": "assistant", "fpga": "token"}


class HardwarePage(ScrollColumn):
    def __init__(self, model: ComputerModel) -> None:
        super().__init__(margins=(32, 4, 32, 20), spacing=18)
        self._model = model
        self._here = QVBoxLayout()
        self._here.setSpacing(8)
        self._kinds = CardGrid(least=360, most=3)
        self.body.addWidget(titled("gauge", "hardware.here", self._here))
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(Label("hardware.title", "title"))
        words.addWidget(Label("hardware.words", "muted", wrap=True))
        self.body.addLayout(words)
        self.body.addWidget(self._kinds)
        self.body.addStretch(1)
        watch(model.upgrades, self._show)
        on_language(self._say)

    def _say(self) -> None:
        self._show(self._model.upgrades.value)
        old = self._kinds.findChildren(KindCard)
        self._kinds.set_cards([KindCard(each) for each in guide()])
        for card in old:
            card.deleteLater()

    def _show(self, upgrades: tuple[Upgrade, ...]) -> None:
        clear(self._here)
        for upgrade in upgrades:
            line = Label(wrap=True)
            models = t("hardware.join").join(
                dict.fromkeys(localized(each.model.title) for each in upgrade.models)
            )
            line.setText(t(f"hardware.{upgrade.kind}", size=_sold(upgrade.bytes), models=models))
            self._here.addWidget(line)
        if not upgrades:
            self._here.addWidget(Label("hardware.nothing", wrap=True, size=_sold(CARDS[-1])))
        self._here.addWidget(Label("hardware.how", "small", wrap=True))


class KindCard(Card):
    """One kind: what it is good for and less so, what it costs, and what the studio does with it."""

    def __init__(self, hardware: Hardware) -> None:
        super().__init__(margin=20, spacing=12)
        title, state = Label(role="title"), StatusLine()
        title.setText(hardware.title)
        state.set(
            "ok" if hardware.supported == "yes" else "muted", t(f"hardware.supported.{hardware.supported}")
        )
        names = QVBoxLayout()
        names.setSpacing(0)
        names.addWidget(title)
        names.addWidget(state)
        top = QHBoxLayout()
        top.setSpacing(12)
        top.addWidget(IconTile(ICONS[hardware.kind]))
        top.addLayout(names, 1)
        self.body.addLayout(top)
        cost = f"{t('hardware.cost.level', level=hardware.cost)}  •  {hardware.price}"
        for key, words in (
            ("good", hardware.good),
            ("less", hardware.less),
            ("studio", hardware.studio),
            ("cost", cost),
        ):
            self.body.addLayout(_section(f"hardware.{key}", words))
        self.body.addStretch(1)
        self.body.addWidget(_sources(hardware.sources))


def _sold(number: float) -> str:
    """Memory as it is sold: whole ones."""
    return f"{number / 1e9:.0f} GB"


def _section(key: str, words: str) -> QVBoxLayout:
    text = Label(role="label", wrap=True)
    text.setText(words)
    column = QVBoxLayout()
    column.setSpacing(2)
    column.addWidget(Label(key, "small"))
    column.addWidget(text)
    return column


def _sources(sources: tuple[Source, ...]) -> QWidget:
    holder = QWidget()
    flow = FlowLayout(holder)
    for source in sources:
        if source.url:
            chip = Chip(icon="external")
            chip.setText(source.title)
            chip.setAccessibleName(t("hardware.source", title=source.title))
            chip.clicked.connect(lambda _=False, url=source.url: QDesktopServices.openUrl(QUrl(url)))
            flow.addWidget(chip)
        else:
            tag = Tag()
            tag.set_text(source.title)
            flow.addWidget(tag)
    return holder
