"""Disk: what the models take on each drive, and everything that can be done with them there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QVBoxLayout, QWidget

from studio.app.desk import Desk
from studio.app.language import bind_text
from studio.app.observable import bind, watch
from studio.app.panel import Panel
from studio.app.panels.disk.drives import DriveCard
from studio.app.panels.disk.others import CacheCard, LeftoversCard, cleared
from studio.app.panels.disk.row import ModelRow, section
from studio.app.panels.disk.viewmodel import DiskModel
from studio.app.widgets.button import Button
from studio.app.widgets.card import Card, Separator
from studio.app.widgets.card_grid import CardGrid
from studio.app.widgets.empty_state import EmptyState
from studio.app.widgets.label import Label
from studio.app.widgets.scroll import ScrollColumn
from studio.app.widgets.segmented import SegmentedButtons
from studio.domain.text import t
from studio.services.store.usage import Usage

MARGIN = 30
DRIVE = 420  # least width of a drive's card


class DiskPanel(Panel):
    """`rows` by folder."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.model = DiskModel(desk)
        self.rows: dict[str, ModelRow] = {}
        self.bring = Button("disk.bring", "import")
        self.bring.clicked.connect(lambda: self._choose("disk.bring", self.model.bring))
        self.add = Button("disk.add", "disk")
        self.add.clicked.connect(lambda: self._choose("disk.add", self.model.add_root))
        self.order = SegmentedButtons([(key, f"disk.order.{key}") for key in ("size", "used", "name")])
        self.check_all = Button("disk.check_all", "check")
        self.check_all.clicked.connect(self.model.check_all)
        self._drives = CardGrid(least=DRIVE, most=2)
        self._models, self._list = Card(margin=20, spacing=12), QVBoxLayout()
        self._nothing = EmptyState("disk", "disk.nothing", "disk.nothing.words", "disk.get", "download")
        self._nothing.clicked.connect(lambda: desk.go("models"))
        self._others = QVBoxLayout()
        self._lay_out()
        bind(self.model.order, self.order.set_value)
        self.order.changed.connect(self._sort)
        watch(self.model.usage, self._show_usage)
        watch(self.model.shown, self._show_rows)

    def close_down(self) -> None:
        self.model.close()

    def showEvent(self, event: QShowEvent) -> None:
        self.model.read()  # other programs fill disks too
        super().showEvent(event)

    def _lay_out(self) -> None:
        words = QVBoxLayout()
        words.setSpacing(4)
        words.addWidget(Label("panel.disk", "heading"))
        words.addWidget(Label("disk.words", "muted"))
        top = QHBoxLayout()
        top.setContentsMargins(MARGIN, 24, MARGIN, 12)
        top.setSpacing(8)
        top.addLayout(words, 1)
        top.addWidget(self.bring)
        top.addWidget(self.add)
        head = section("disk.models", "models")
        bind_text(self.order.setAccessibleName, "disk.order")
        self.order.setMinimumWidth(300)
        head.addWidget(self.order)
        head.addWidget(self.check_all)
        self._list.setSpacing(10)
        self._others.setSpacing(16)
        self._models.body.addLayout(head)
        self._models.body.addLayout(self._list)
        self._models.hide()
        self._nothing.hide()
        scroll = ScrollColumn(margins=(MARGIN, 4, MARGIN, 24), spacing=16)
        for part in (self._drives, self._models, self._nothing):
            scroll.body.addWidget(part)
        scroll.body.addLayout(self._others)
        scroll.body.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(top)
        column.addWidget(scroll, 1)

    def _show_usage(self, usage: Usage | None) -> None:
        if usage is None:
            return
        for old in self._drives.findChildren(DriveCard):
            old.hide()
            old.deleteLater()
        cards: list[QWidget] = []
        for drive in usage.drives:
            card = DriveCard(self.model, drive)
            card.setParent(self._drives)
            cards.append(card)
        self._drives.set_cards(cards)
        self._models.setVisible(bool(usage.models))
        self._nothing.setVisible(not usage.models)
        others = cleared(self._others)
        if usage.leftovers:
            others.addWidget(LeftoversCard(self.model, usage.leftovers))
        if usage.cache:
            others.addWidget(CacheCard(usage.cache))

    def _show_rows(self, shown: tuple[str, ...]) -> None:
        """In their order; those that stay keep what is going on in them."""
        while (item := self._list.takeAt(0)) is not None:
            widget = item.widget()
            if isinstance(widget, Separator):
                widget.deleteLater()
        for gone in self.rows.keys() - set(shown):
            row = self.rows.pop(gone)
            row.hide()
            row.deleteLater()
        for key in shown:
            if key not in self.rows:
                self.rows[key] = ModelRow(self.model, self.model.rows[key])
            self._list.addWidget(Separator())
            self._list.addWidget(self.rows[key])

    def _sort(self, order: object) -> None:
        if order in ("size", "used", "name"):
            self.model.order.value = order

    def _choose(self, key: str, do: Callable[[Path], object]) -> None:
        dialog = QFileDialog(self, t(key))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(lambda path: do(Path(path)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()


def create(desk: Desk) -> DiskPanel:
    return DiskPanel(desk)
