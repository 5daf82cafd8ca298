"""The check-up: every check in words, what is wrong first, with a button where the studio can mend it."""

from __future__ import annotations

import asyncio
import time
from functools import partial

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from studio.app import files, icons
from studio.app.desk import Desk
from studio.app.language import on_language
from studio.app.observable import bind, watch
from studio.app.panels.computer.checkup_model import CheckupModel
from studio.app.widgets.announce import announce
from studio.app.widgets.button import Button
from studio.app.widgets.card import Card, IconTile, Separator
from studio.app.widgets.label import Label
from studio.app.widgets.scroll import ScrollColumn
from studio.domain.diagnosis import Finding, State
from studio.domain.failure import Failure
from studio.domain.text import t
from studio.services.doctor import FIXES
from studio.services.doctor.report import summary

_SIGNS = {
    State.FAIL: ("error", "bad"),
    State.WARN: ("warning", "warning"),
    State.SKIPPED: ("remove", "muted"),
    State.PASS: ("done", "ok"),
}
_ICONS = {
    "hardware": "gpu",
    "engine": "generate",
    "memory": "ram",
    "disks": "disk",
    "folders": "folder",
    "software": "models",
    "desktop": "screen",
    "data": "file",
    "network": "online",
}


class Checkup(QWidget):
    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.model = CheckupModel(desk.studio)
        self._again = Button("checkup.again", "retry")
        self._copy = Button("checkup.copy", "copy")
        self._summary = Label(role="strong", wrap=True)
        self._taken = Label(role="small")
        self._themes = QVBoxLayout()
        self._lay_out()
        self._again.clicked.connect(self.model.look)
        self._copy.clicked.connect(self._copy_report)
        watch(self.model.diagnosis, self._show)
        bind(self.model.busy, self._show_busy)
        watch(self.model.progress, self._show_progress)
        watch(self.model.failure, self._complain)
        on_language(self._retranslate)
        self.model.look()

    def close_down(self) -> None:
        self.model.close()

    def _lay_out(self) -> None:
        scroll = ScrollColumn(margins=(32, 12, 32, 20), spacing=16)
        scroll.body.addWidget(Label("checkup.words", "muted", wrap=True))
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self._summary)
        words.addWidget(self._taken)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addLayout(words, 1)
        row.addWidget(self._copy)
        row.addWidget(self._again)
        scroll.body.addLayout(row)
        self._themes.setSpacing(16)
        scroll.body.addLayout(self._themes)
        scroll.body.addStretch(1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(scroll)

    # --- showing -------------------------------------------------------------------------------

    def _retranslate(self) -> None:
        self._show(None)
        self._show_busy(self.model.busy.value)

    def _show(self, _: object) -> None:
        diagnosis = self.model.diagnosis.value
        if diagnosis is None:
            return
        while (item := self._themes.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        sorted_findings = diagnosis.worst_first()
        for theme in dict.fromkeys(finding.theme for finding in sorted_findings):
            findings = [finding for finding in sorted_findings if finding.theme == theme]
            self._themes.addWidget(self._card(theme, findings))
        at = time.strftime("%H:%M", time.localtime(diagnosis.taken))
        self._taken.setText(t("checkup.taken", time=at, seconds=f"{diagnosis.seconds:.1f}"))
        self._summary.setText(summary(diagnosis))
        announce(self, self._summary.text())

    def _card(self, theme: str, findings: list[Finding]) -> Card:
        card = Card(margin=20, spacing=12)
        top = QHBoxLayout()
        top.setSpacing(10)
        top.addWidget(IconTile(_ICONS[theme], side=32))
        title = Label(role="title")
        title.setText(t(f"doctor.theme.{theme}"))
        top.addWidget(title)
        top.addStretch(1)
        card.body.addLayout(top)
        for finding in findings:
            card.body.addWidget(Separator())
            row = FindingRow(finding)
            if row.button is not None:
                row.button.clicked.connect(partial(self._act, finding.action))
                row.button.setEnabled(not self.model.busy.value)
            card.body.addWidget(row)
        return card

    def _show_busy(self, busy: bool) -> None:
        for button in (self._again, *(row.button for row in self.findChildren(FindingRow))):
            if button is not None:
                button.setEnabled(not busy)
        self._copy.setEnabled(self.model.diagnosis.value is not None)
        found = self.model.diagnosis.value
        self._summary.setText(summary(found) if found is not None and not busy else t("checkup.running"))

    def _show_progress(self, progress: float | None) -> None:
        if progress is not None:
            self._summary.setText(t("checkup.doing", percent=round(100 * progress)))

    # --- doing ---------------------------------------------------------------------------------

    def _act(self, action: str) -> None:
        if action == "ask_network":
            self.model.look(ask_network=True)
        elif action not in FIXES:  # what the user chooses in the settings
            self._desk.go("settings")
        elif action == "free_memory" and self.model.at_work:
            self._desk.say(t("computer.free_busy"), "computer.free_anyway", lambda: self.model.mend(action))
        else:
            self.model.mend(action)

    def _complain(self, failure: Failure | None) -> None:
        if failure is not None:
            self._desk.complain(failure)

    def _copy_report(self) -> None:
        copying = asyncio.ensure_future(self.model.report())
        copying.add_done_callback(self._copied)

    def _copied(self, report: asyncio.Future[str]) -> None:
        if not report.cancelled():
            files.copy_text(report.result())
            self._desk.say(t("checkup.copied"))


class FindingRow(QWidget):
    """Sign, title and state in words; below them the reason and what to do; a button where there is one."""

    def __init__(self, finding: Finding) -> None:
        super().__init__()
        self.button: Button | None = None
        state = t(f"doctor.state.{finding.state.value}")
        self.setAccessibleName(f"{state}: {finding.title}. {finding.why} {finding.how}".strip())
        words = QVBoxLayout()
        words.setSpacing(3)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(_label(finding.title, "strong"))
        head.addWidget(_label(state, "small"))
        head.addStretch(1)
        words.addLayout(head)
        words.addWidget(_label(finding.why, "muted", wrap=True))
        if finding.how:
            words.addWidget(_label(finding.how, "body", wrap=True))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(12)
        row.addWidget(_Sign(*_SIGNS[finding.state]), 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)
        if finding.action:
            self.button = Button(f"doctor.action.{finding.action}")
            self.button.setAccessibleDescription(finding.title)
            row.addWidget(self.button, 0, Qt.AlignmentFlag.AlignVCenter)


def _label(text: str, role: str, *, wrap: bool = False) -> Label:
    label = Label(role=role, wrap=wrap)
    label.setText(text)
    if wrap:  # a path or a command is there to be copied
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


class _Sign(QWidget):
    def __init__(self, icon: str, color: str) -> None:
        super().__init__()
        self._icon, self._color = icon, color
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        return QSize(22, 22)

    def paintEvent(self, _: QPaintEvent) -> None:
        icons.paint(QPainter(self), self._icon, QRectF(self.rect()).adjusted(1, 1, -1, -1), self._color)
