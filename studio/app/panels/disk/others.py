"""What is no model in use: parts that are left over, and the cache that belongs to other programs too."""

from __future__ import annotations

import time
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from studio.app import files
from studio.app.language import on_language
from studio.app.panels.disk.row import section
from studio.app.panels.disk.viewmodel import DiskModel
from studio.app.widgets.button import Button, IconButton
from studio.app.widgets.card import Card, Separator
from studio.app.widgets.label import ElidedLabel, Label
from studio.domain.quantity import duration, size
from studio.domain.text import t
from studio.services.store.leftovers import Leftover
from studio.services.store.usage import Cached


class LeftoversCard(Card):
    def __init__(self, model: DiskModel, leftovers: tuple[Leftover, ...]) -> None:
        super().__init__(margin=20, spacing=12)
        head = section("disk.leftovers", "again")
        self.free_all = Button("disk.free_all", "delete", size=size(sum(each.bytes for each in leftovers)))
        self.free_all.clicked.connect(lambda: model.free(leftovers))
        head.addWidget(self.free_all)
        self.body.addLayout(head)
        self.body.addWidget(Label("disk.leftovers.words", "muted", wrap=True))
        for leftover in leftovers:
            self.body.addWidget(Separator())
            self.body.addWidget(_LeftoverRow(model, leftover))


class _LeftoverRow(QWidget):
    def __init__(self, model: DiskModel, leftover: Leftover) -> None:
        super().__init__()
        self._model, self._leftover = model, leftover
        self._title, self._age = ElidedLabel(role="body"), Label(role="muted")
        self._size = Label(role="body")
        self.free = IconButton("delete", "disk.free", framed=False)
        self.free.clicked.connect(lambda: model.free((leftover,)))
        row = _row(self, self._title, self._age, self._size)
        row.addWidget(self.free)
        on_language(self._say)

    def _say(self) -> None:
        left = self._leftover
        name = self._model.title_of(left.name)
        self._title.setText(t("disk.leftover", kind=t(f"store.leftover.{left.kind}"), name=name))
        self._age.setText(t("disk.untouched", time=duration(max(0.0, time.time() - left.touched))))
        self._size.setText(size(left.bytes))
        self.free.setAccessibleName(t("models.button", what=t("disk.free"), title=name))


class CacheCard(Card):
    """The hub's own cache: only shown."""

    def __init__(self, cache: tuple[Cached, ...]) -> None:
        super().__init__(margin=20, spacing=12)
        self._total = Label(role="strong")
        self._bytes = sum(each.bytes for each in cache)
        head = section("disk.cache", "folder")
        head.addWidget(self._total)
        self.show_in = IconButton("reveal", "disk.show", framed=False)
        self.show_in.clicked.connect(lambda: files.reveal(Path(cache[0].path)))
        head.addWidget(self.show_in)
        self.body.addLayout(head)
        self.body.addWidget(Label("disk.cache.words", "muted", wrap=True))
        for each in cache:
            line = QWidget()
            name, amount = ElidedLabel(role="body"), Label(role="body")
            name.setText(each.repo)
            amount.setText(size(each.bytes))
            _row(line, name, Label(role="muted"), amount)
            self.body.addWidget(Separator())
            self.body.addWidget(line)
        on_language(self._say)

    def _say(self) -> None:
        self._total.setText(size(self._bytes))


def _row(widget: QWidget, title: QWidget, note: QWidget, amount: Label) -> QHBoxLayout:
    amount.setFixedWidth(76)
    amount.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    row = QHBoxLayout(widget)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(12)
    row.addWidget(title, 1)
    row.addWidget(note)
    row.addWidget(amount)
    return row


def cleared(layout: QVBoxLayout) -> QVBoxLayout:
    """*layout* without its widgets."""
    while (item := layout.takeAt(0)) is not None:
        if (widget := item.widget()) is not None:
            widget.hide()
            widget.deleteLater()
    return layout
