"""The drives with models: what takes their room, and the folders on them."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout

from studio.app.language import on_language
from studio.app.panels.disk.viewmodel import DiskModel
from studio.app.widgets.button import IconButton
from studio.app.widgets.card import Card, IconTile
from studio.app.widgets.label import ElidedLabel, Label
from studio.app.widgets.memory_bar import MemoryBar
from studio.domain.quantity import size
from studio.domain.text import t
from studio.services.store.usage import Drive


class DriveCard(Card):
    """One drive; one that is not there says what lies on it."""

    def __init__(self, model: DiskModel, drive: Drive) -> None:
        super().__init__(margin=18, spacing=10)
        self._model, self._drive = model, drive
        self._free = Label(role="strong")
        self._bar = MemoryBar(tell=size, least=0.0) if drive.there else None
        self._away = Label(role="muted", wrap=True)
        self._lay_out()
        on_language(self._say)

    def _lay_out(self) -> None:
        there = self._drive.there
        top = QHBoxLayout()
        top.setSpacing(12)
        top.addWidget(IconTile("disk" if there else "warning", side=36))
        folders = QVBoxLayout()
        folders.setSpacing(2)
        for root in self._drive.roots:
            folders.addLayout(self._root(root))
        top.addLayout(folders, 1)
        top.addWidget(self._free)
        self.body.addLayout(top)
        if self._bar is not None:
            self.body.addWidget(self._bar)
        self.body.addWidget(self._away)
        self._away.setVisible(not there)
        self.body.addStretch(1)

    def _root(self, root: str) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(6)
        name = ElidedLabel(role="strong", middle=True)
        name.setText(root)
        row.addWidget(name, 1)
        if self._model.may_forget(root):
            forget = IconButton("remove", "disk.forget", framed=False, side=26)
            forget.clicked.connect(lambda: self._model.forget_root(root))
            row.addWidget(forget)
        return row

    def _say(self) -> None:
        drive = self._drive
        self.setAccessibleName(", ".join(drive.roots))
        if self._bar is not None:
            self._free.setText(t("disk.free_of", free=size(drive.free), total=size(drive.total)))
            self._bar.set_parts(
                [(t("disk.part.models"), drive.models), (t("disk.part.other"), drive.other)], drive.total
            )
        else:
            held = ", ".join(map(self._model.title_of, drive.titles)) or "-"
            self._away.setText(t("store.away.words", models=held, size=size(drive.models)))
