"""Every connection that the studio ever made, the newest first: when, why, where, how much."""

from __future__ import annotations

import asyncio
from datetime import datetime
from itertools import groupby

from msgspec import Struct
from PySide6.QtCore import Qt
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from studio.app.background import Background
from studio.app.desk import Desk
from studio.app.language import on_language
from studio.app.panels.settings.parts import MARGINS, WIDTH, Page, left
from studio.app.widgets.button import Button
from studio.app.widgets.card import Card, Separator
from studio.app.widgets.chips import Tag
from studio.app.widgets.empty_state import EmptyState
from studio.app.widgets.label import ElidedLabel, Label
from studio.app.widgets.scroll import ScrollColumn
from studio.domain.quantity import size
from studio.domain.text import t
from studio.services.connections import Connections, Period, Use

STEP = 60
"""Rows that are shown, and more with each click."""


class _Entry(Struct, frozen=True):
    """A row, below its day, month or year."""

    group: str
    time: str
    why: str
    hosts: tuple[str, ...]
    sent: int | None
    received: int | None
    refused: bool
    count: int = 1


class ConnectionsPage(Page):
    """Reads the record anew each time it is shown."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._record = Connections(desk.studio.paths.logs)
        self._desk = desk
        self._background = Background("the record of connections")
        self._entries: list[_Entry] = []
        self._shown = STEP
        self.total = Label(role="muted", wrap=True)
        self.more = Button("settings.connections.more", "chevron_down", "quiet")
        self.more.clicked.connect(self._show_more)
        self.empty = EmptyState("offline", "settings.connections.none", "settings.connections.none.words")
        self._scroll = ScrollColumn(margins=MARGINS, spacing=16)
        self._days = QVBoxLayout()
        self._days.setSpacing(16)
        refresh = Button("settings.connections.refresh", "retry", "quiet")
        refresh.clicked.connect(self.refresh)
        top = QHBoxLayout()
        top.addWidget(self.total, 1)
        top.addWidget(refresh)
        holder = QWidget()
        holder.setMaximumWidth(WIDTH)
        top.setContentsMargins(0, 0, 0, 0)
        holder.setLayout(top)
        self._scroll.body.addWidget(holder)
        self._scroll.body.addWidget(self.empty)
        self._scroll.body.addLayout(self._days)
        self._scroll.body.addLayout(left(self.more))
        self._scroll.body.addStretch(1)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(self._scroll)
        on_language(self._lay_out)

    def close_down(self) -> None:
        self._background.close()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.refresh()

    def refresh(self) -> None:
        self._background.start(self._read())

    async def _read(self) -> None:
        uses = await asyncio.to_thread(self._record.uses, 100_000)
        periods = await asyncio.to_thread(self._record.periods)
        self._entries = [*map(_of_use, uses), *map(_of_period, periods)]
        self._lay_out()

    def _show_more(self) -> None:
        self._shown += STEP
        self._lay_out()

    def _lay_out(self) -> None:
        while (item := self._days.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        entries = self._entries[: self._shown]
        for group, rows in groupby(entries, key=lambda entry: entry.group):
            self._days.addWidget(_day(group, list(rows)))
        self.more.setVisible(len(self._entries) > self._shown)
        self.empty.setVisible(not self._entries)
        self.total.setText(_sum(self._entries) if self._entries else "")


def _sum(entries: list[_Entry]) -> str:
    return t(
        "settings.connections.total",
        count=sum(entry.count for entry in entries),
        received=size(sum(entry.received or 0 for entry in entries)),
        sent=size(sum(entry.sent or 0 for entry in entries)),
    )


def _of_use(use: Use) -> _Entry:
    when = datetime.fromtimestamp(use.when).astimezone()
    return _Entry(
        f"{when:%Y-%m-%d}", f"{when:%H:%M}", use.why, use.hosts, use.sent, use.received, use.refused
    )


def _of_period(period: Period) -> _Entry:
    row = (period.why, period.hosts, period.sent, period.received, period.refused, period.uses)
    return _Entry(period.period, f"× {period.uses}", *row)


def _day(group: str, entries: list[_Entry]) -> QWidget:
    card = Card(margin=16, spacing=8)
    card.setMaximumWidth(WIDTH)
    title = Label(role="strong")
    today = f"{datetime.now().astimezone():%Y-%m-%d}"
    title.setText(t("settings.connections.today") if group == today else group)
    card.body.addWidget(title)
    for number, entry in enumerate(entries):
        if number:
            card.body.addWidget(Separator())
        card.body.addWidget(_row(entry))
    return card


def _row(entry: _Entry) -> QWidget:
    holder = QWidget()
    row = QHBoxLayout(holder)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(12)
    time = Label(role="muted")
    time.setText(entry.time)
    time.setFixedWidth(52)
    key = f"network.why.{entry.why or 'unknown'}"
    why, where = ElidedLabel(), ElidedLabel(role="small")
    why.setText(entry.why if t(key) == key else t(key))
    where.setText("  ".join(entry.hosts))
    words = QVBoxLayout()
    words.setSpacing(0)
    words.addWidget(why)
    words.addWidget(where)
    row.addWidget(time, 0, Qt.AlignmentFlag.AlignTop)
    row.addLayout(words, 1)
    if entry.refused:
        row.addWidget(Tag("settings.connections.refused", "offline", "warning"))
    else:
        amount = Label(role="muted")
        amount.setText(_amount(entry))
        amount.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(amount)
    return holder


def _amount(entry: _Entry) -> str:
    received = "–" if entry.received is None else size(entry.received)
    sent = "–" if entry.sent is None else size(entry.sent)
    return f"↓ {received}   ↑ {sent}"
