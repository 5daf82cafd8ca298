"""What is set once for all: looks, folders, privacy, running, help."""

from __future__ import annotations

import asyncio
import os
from functools import partial
from typing import Any

from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QVBoxLayout

from studio import __version__
from studio.app import files
from studio.app.desk import Desk
from studio.app.keys_dialog import KeysDialog
from studio.app.language import bind_text, on_language
from studio.app.panels.settings.parts import MARGINS, WIDTH, Page, left, section
from studio.app.panels.settings.viewmodel import IDLE_MINUTES, SettingsModel
from studio.app.widgets.button import Button
from studio.app.widgets.card import Card
from studio.app.widgets.choices import ChoiceRow
from studio.app.widgets.combo import ComboBox
from studio.app.widgets.label import ElidedLabel, Label
from studio.app.widgets.scroll import ScrollColumn
from studio.app.widgets.segmented import SegmentedButtons
from studio.app.widgets.switch import Switch
from studio.domain.failure import StudioError
from studio.domain.quantity import duration
from studio.domain.text import t

LANGUAGES = (("", "settings.language.system"), ("en", "English"), ("zh_CN", "简体中文"))
THEMES = tuple((name, f"settings.theme.{name}") for name in ("system", "light", "dark"))


class GeneralPage(Page):
    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.model = SettingsModel(desk.studio)
        self._controls: dict[str, Switch | ComboBox | ChoiceRow] = {}
        self._folders: dict[str, ElidedLabel] = {}
        self._usual: dict[str, Button] = {}
        scroll = ScrollColumn(margins=MARGINS, spacing=16)
        for card in (self._look(), self._files(), self._privacy(), self._running(), self._help()):
            card.setMaximumWidth(WIDTH)
            scroll.body.addWidget(card)
        scroll.body.addStretch(1)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(scroll)
        self._end = desk.studio.settings.changed.connect(lambda _: self._show())
        on_language(self._retranslate)

    def close_down(self) -> None:
        self._end()

    # --- the cards ------------------------------------------------------------------------------

    def _look(self) -> Card:
        card = section("theme", "settings.look")
        self._row(card, "settings.language", "language", SegmentedButtons(LANGUAGES))
        self._row(card, "settings.theme", "theme", SegmentedButtons(THEMES))
        keys = Button("settings.keys", "keyboard")
        keys.clicked.connect(lambda: KeysDialog(self.window()).show())
        card.body.addLayout(left(keys))
        return card

    def _files(self) -> Card:
        card = section("folder", "settings.files")
        for name in ("outputs", "models"):
            path = ElidedLabel(role="muted", middle=True)
            self._folders[name] = path
            choose = Button("settings.choose")
            choose.clicked.connect(partial(self._choose, name))
            usual = Button("settings.usual", kind="quiet")
            usual.clicked.connect(partial(self._change, name, ""))
            self._usual[name] = usual
            show = Button("settings.open", "reveal", "quiet")
            show.clicked.connect(partial(self._open, name))
            row = QHBoxLayout()
            row.setSpacing(8)
            title = Label(f"settings.{name}", "label")
            title.setMinimumWidth(90)
            row.addWidget(title)
            row.addWidget(path, 1)
            for button in (show, usual, choose):
                row.addWidget(button)
            card.body.addLayout(row)
        card.body.addWidget(Label("settings.models.note", "small", wrap=True))
        return card

    def _privacy(self) -> Card:
        card = section("lock", "settings.privacy")
        self._switch(card, "ai_label", "settings.ai_label.words")
        return card

    def _running(self) -> Card:
        card = section("computer", "settings.running")
        self._row(card, "settings.device", "device", ComboBox(self.model.devices()))
        self._row(card, "settings.threads", "threads", ComboBox(self.model.threads()))
        self._row(card, "settings.idle", "idle_unload_seconds", ComboBox(_idle()))
        self._switch(card, "keep_awake")
        self._switch(card, "notify")
        return card

    def _help(self) -> Card:
        card = section("help", "settings.help")
        log = Button("settings.log", "file")
        log.clicked.connect(lambda: files.reveal(self.model.log_file))
        report = Button("settings.report", "copy")
        report.clicked.connect(self._copy_report)
        welcome = Button("settings.welcome", "home", "quiet")
        welcome.clicked.connect(self._welcome)
        card.body.addLayout(left(log, report, welcome))
        card.body.addWidget(Label("settings.report.words", "small", wrap=True))
        about = Label(role="small")
        bind_text(about.setText, "settings.about", version=__version__)
        card.body.addWidget(about)
        return card

    def _row(self, card: Card, key: str, name: str, control: ComboBox | ChoiceRow) -> None:
        self._controls[name] = control
        bind_text(control.setAccessibleName, key)
        control.setMinimumWidth(320)
        control.changed.connect(lambda value: self._change(name, value))
        row = QHBoxLayout()
        row.addWidget(Label(key, "label"))
        row.addStretch(1)
        row.addWidget(control)
        card.body.addLayout(row)

    def _switch(self, card: Card, name: str, words_key: str = "") -> None:
        switch = Switch(f"settings.{name}")
        self._controls[name] = switch
        switch.changed.connect(lambda value: self._change(name, value))
        card.body.addWidget(switch)
        if words_key:
            card.body.addWidget(Label(words_key, "small", wrap=True))

    # --- showing and changing --------------------------------------------------------------------

    def _retranslate(self) -> None:
        threads, idle = self._controls["threads"], self._controls["idle_unload_seconds"]
        if isinstance(threads, ComboBox) and isinstance(idle, ComboBox):
            threads.set_options(self.model.threads())
            idle.set_options(_idle())
        self._show()

    def _show(self) -> None:
        settings = self.model.settings
        for name, control in self._controls.items():
            control.set_value(getattr(settings, name))
        for name, label in self._folders.items():
            label.setText(str(self.model.folder(name)))
            self._usual[name].setEnabled(bool(getattr(settings, name)))

    def _change(self, name: str, value: Any) -> None:
        try:
            self.model.change(name, value)
        except StudioError as error:
            self._desk.complain(error.failure)
        self._show()

    def _choose(self, name: str) -> None:
        dialog = QFileDialog(self, t(f"settings.{name}"), str(self.model.folder(name)))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(lambda path: self._change(name, path))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _open(self, name: str) -> None:
        folder = self.model.folder(name)
        if os.access(folder, os.F_OK):
            files.open_file(folder)

    def _copy_report(self) -> None:
        copying = asyncio.ensure_future(self.model.report())
        copying.add_done_callback(self._copied)

    def _copied(self, report: asyncio.Future[str]) -> None:
        if report.cancelled():
            return
        try:
            files.copy_text(report.result())
        except OSError as error:
            self._desk.complain(
                StudioError("output.unwritable", path=str(error.filename), reason=str(error.strerror)).failure
            )
        else:
            self._desk.say(t("settings.report.copied"))

    def _welcome(self) -> None:
        self._change("welcomed", False)
        self._desk.go("home")


def _idle() -> list[tuple[object, str]]:
    """Minutes to keep an unused model, in words."""
    return [(m * 60, duration(m * 60) if m else t("settings.idle.never")) for m in IDLE_MINUTES]
