"""Models: what can be had, what is here, and what each allows and needs."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QStackedLayout, QVBoxLayout, QWidget

from studio.app import icons, keys
from studio.app.desk import Desk
from studio.app.observable import Property, bind, watch
from studio.app.panel import Panel
from studio.app.panels.models.card import ModelCard
from studio.app.panels.models.downloads import DownloadList
from studio.app.panels.models.viewmodel import ModelsModel
from studio.app.widgets.banner import Banner
from studio.app.widgets.button import Button
from studio.app.widgets.card_grid import CardGrid
from studio.app.widgets.chips import Chip, ChipGroup
from studio.app.widgets.empty_state import EmptyState
from studio.app.widgets.label import Label
from studio.app.widgets.scroll import ScrollColumn
from studio.app.widgets.text_area import SearchField
from studio.domain.text import t

MARGIN = 30
CARD = 348  # least width of a card


class ModelsPanel(Panel):
    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.model = ModelsModel(desk)
        self.search = SearchField("models.search")
        self.search.setFixedWidth(340)
        self.add = Button("models.add", "import")
        self.add.clicked.connect(
            lambda: self.add_menu().popup(self.add.mapToGlobal(QPoint(0, self.add.height() + 4)))
        )
        self.tasks = ChipGroup([(None, "models.all"), *((task, f"task.{task}") for task in self.model.tasks)])
        self.tasks.set_value(None)
        self.fits = _toggle("models.fits", self.model.fits)
        self.may_sell = _toggle("models.may_sell", self.model.may_sell)
        self.installed = _toggle("models.here", self.model.installed)
        self.offline = Banner()
        self.downloads = DownloadList(desk, self.model)
        self.cards: dict[str, ModelCard] = {}
        self.grid = CardGrid(least=CARD, most=4)
        self._scroll = ScrollColumn(margins=(MARGIN, 0, MARGIN, 24), spacing=0)
        self._stack = QStackedLayout()
        self._lay_out()
        self.search.textChanged.connect(self._search)
        self.tasks.changed.connect(self._choose_task)
        keys.shortcut("search", self, self.search.setFocus)
        bind(self.model.shown, self._show)
        bind(self.model.offline, self._show_offline)

    def close_down(self) -> None:
        self.model.close()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setContentsMargins(MARGIN, 0, MARGIN, 0)
        top.addWidget(Label("panel.models", "heading"))
        top.addStretch(1)
        top.addWidget(self.search)
        top.addWidget(self.add)
        chips = QHBoxLayout()
        chips.setContentsMargins(MARGIN, 0, MARGIN, 0)
        chips.setSpacing(8)
        chips.addWidget(self.tasks)
        chips.addSpacing(22)
        for chip in (self.fits, self.may_sell, self.installed):
            chips.addWidget(chip)
        chips.addStretch(1)
        notice = QHBoxLayout()
        notice.setContentsMargins(MARGIN, 0, MARGIN, 0)
        notice.addWidget(self.offline)
        nothing = EmptyState("search", "models.nothing", "models.nothing.words", "models.show_all")
        nothing.clicked.connect(self._show_all)
        self._scroll.body.addWidget(self.downloads)
        self._scroll.body.addWidget(self.grid)
        self._scroll.body.addStretch(1)
        holder = QWidget()
        holder.setLayout(self._stack)
        self._stack.addWidget(self._scroll)
        self._stack.addWidget(nothing)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 24, 0, 0)
        column.setSpacing(16)
        column.addLayout(top)
        column.addLayout(chips)
        column.addLayout(notice)
        column.addWidget(holder, 1)

    def _show(self, shown: tuple[str, ...]) -> None:
        for gone in self.cards.keys() - self.model.cards.keys():
            card = self.cards.pop(gone)
            card.hide()
            card.deleteLater()
        for model_id in self.model.cards:
            if model_id not in self.cards:
                card = ModelCard(self.model, self.model.cards[model_id])
                card.setParent(self.grid)
                self.cards[model_id] = card
        self.grid.set_cards([self.cards[model_id] for model_id in shown])
        self._stack.setCurrentIndex(0 if shown else 1)

    def _show_offline(self, offline: bool) -> None:
        if not offline:
            self.offline.clear()
        elif self.model.can_go_online:
            self.offline.show_notice(
                "warning",
                "models.offline",
                "models.offline.words",
                button_key="models.go_online",
                action=self.model.go_online,
            )
        else:
            self.offline.show_notice("warning", "models.offline", "models.offline.started")

    def add_menu(self) -> QMenu:
        """A dialog of the system's shows folders or files, not both. The menu deletes itself."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        mode = QFileDialog.FileMode
        menu.addAction(icons.icon("folder"), t("models.add.folder"), lambda: self._choose(mode.Directory))
        menu.addAction(icons.icon("file"), t("models.add.file"), lambda: self._choose(mode.ExistingFile))
        return menu

    def _choose(self, wanted: QFileDialog.FileMode) -> None:
        dialog = QFileDialog(self, t("models.add"))
        dialog.setFileMode(wanted)
        dialog.fileSelected.connect(lambda path: self.model.add(Path(path)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _search(self, text: str) -> None:
        self.model.words.value = text

    def _choose_task(self, task: str | None) -> None:
        self.model.task.value = task

    def _show_all(self) -> None:
        """Drop every filter."""
        self.search.clear()
        self.tasks.set_value(None)
        self.model.task.value = None
        for chip in (self.fits, self.may_sell, self.installed):
            chip.setChecked(False)


def _toggle(key: str, wanted: Property[bool]) -> Chip:
    """A chip that narrows the list while it is on; its icon tells as well as its colour."""
    chip = Chip(key)
    chip.setCheckable(True)

    def toggled(on: bool) -> None:
        chip.set_icon("check" if on else "")
        wanted.value = on

    chip.toggled.connect(toggled)
    watch(wanted, chip.setChecked)
    return chip


def create(desk: Desk) -> ModelsPanel:
    return ModelsPanel(desk)
