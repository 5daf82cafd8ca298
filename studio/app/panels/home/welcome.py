"""The first start: language, what this computer can do, the starter pack. Calm, and it can be skipped."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from studio.app import language
from studio.app.download_bar import DownloadBar
from studio.app.language import on_language
from studio.app.licences import TONES, licence_words, open_licence
from studio.app.observable import bind
from studio.app.panels.home.machine import machine_words
from studio.app.panels.home.viewmodel import HomeModel
from studio.app.panels.home.welcome_model import Starter, WelcomeModel
from studio.app.strip_feed import ICONS
from studio.app.widgets.button import Button
from studio.app.widgets.card import Card, IconTile, Separator
from studio.app.widgets.chips import Chip
from studio.app.widgets.label import ElidedLabel, Label
from studio.app.widgets.paint import set_tooltip
from studio.app.widgets.scroll import ScrollColumn
from studio.app.widgets.segmented import SegmentedButtons
from studio.domain.machine import Machine
from studio.domain.quantity import size
from studio.domain.text import localized, t
from studio.services.downloads.state import State

WIDTH = 780
LANGUAGES = (("en", "English"), ("zh_CN", "简体中文"))


class StarterRow(QWidget):
    """Title, task and languages, licence, and at the right its size or how far it is."""

    def __init__(self, starter: Starter) -> None:
        super().__init__()
        self._starter = starter
        model = starter.entry.model
        self._title, self._kind = ElidedLabel(role="strong"), ElidedLabel(role="small")
        self.licence = Chip(icon="licence")
        self.licence.set_tone(TONES[model.licence.commercial])
        self.licence.clicked.connect(lambda: open_licence(model.licence))
        self._state = Label(role="muted")
        self._state.setMinimumWidth(150)
        self._state.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.bar = DownloadBar()
        self._problem = Label(role="error", wrap=True)
        names = QVBoxLayout()
        names.setSpacing(1)
        names.addWidget(self._title)
        names.addWidget(self._kind)
        line = QHBoxLayout()
        line.setSpacing(12)
        line.addWidget(IconTile(ICONS.get(model.tasks[0], "models"), side=40))
        line.addLayout(names, 1)
        line.addWidget(self.licence)
        line.addWidget(self._state)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 7, 0, 7)
        column.setSpacing(8)
        column.addLayout(line)
        column.addWidget(self.bar)
        column.addWidget(self._problem)
        on_language(self._say)

    def show_starter(self, starter: Starter) -> None:
        self._starter = starter
        self._say()

    def _say(self) -> None:
        starter, model = self._starter, self._starter.entry.model
        self._title.setText(localized(model.title))
        names = "  •  ".join(_language(name) for name in model.languages)
        task = ", ".join(t(f"task.{task}") for task in model.tasks)
        self._kind.setText(f"{task}  •  {names}" if names else task)
        self.licence.setText(f"{model.licence.id}  •  {t(f'licence.{model.licence.commercial}.short')}")
        self.licence.setAccessibleName(t("home.read_licence", id=model.licence.id))
        set_tooltip(self.licence, f"{licence_words(model.licence)}\n{model.licence.url}")
        bundled = starter.entry.installed is not None and not starter.entry.installed.removable
        words = t("home.bundled" if bundled else "models.installed") if starter.here else size(starter.bytes)
        self._state.setText(words)
        paused = starter.download is not None and starter.download.state is State.PAUSED
        moving = not starter.here and (starter.moving or paused) and starter.failure is None
        self.bar.setVisible(moving)
        if moving and starter.download is not None:
            self.bar.show_state(starter.download)
        failure = None if starter.here else starter.failure
        self._problem.setVisible(failure is not None)
        if failure is not None:
            self._problem.setText(f"{failure.message} {failure.hint}")


def _language(code: str) -> str:
    """Its name where there is one, else the code itself."""
    key = f"home.language.{code}"
    name = t(key)
    return code if name == key else name


class Welcome(ScrollColumn):
    """`get` fetches the pack, `start` ends the welcome with what is here."""

    def __init__(self, home: HomeModel, parent: QWidget | None = None) -> None:
        super().__init__(parent, margins=(30, 20, 30, 20), spacing=14)
        self._home = home
        self.model = WelcomeModel(home.desk)
        self.languages = SegmentedButtons(LANGUAGES)
        self.languages.setMinimumWidth(208)
        self._computer = Label(role="body", wrap=True)
        self._total = Label(role="muted")
        self.rows: dict[str, StarterRow] = {}
        self._list = QVBoxLayout()
        self._list.setSpacing(0)
        self._terms = Label(role="muted", wrap=True)
        self.get = Button(icon="download", kind="primary")
        self.pause = Button("models.pause", "pause")
        self.start = Button(icon="arrow_right")
        self._lay_out()
        self.languages.changed.connect(lambda wanted: home.change(language=wanted))
        self.get.clicked.connect(self.model.get)
        self.pause.clicked.connect(self.model.pause)
        self.start.clicked.connect(home.finish_welcome)
        bind(home.machine, self._show_machine)
        bind(self.model.starters, self._show_starters)
        bind(self.model.offline, self._show_offline)
        bind(self.model.fitting, self._show_fitting)
        on_language(self._say)

    def close_down(self) -> None:
        self.model.close()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.addWidget(Label("home.welcome", "heading"))
        top.addStretch(1)
        top.addWidget(self.languages)
        pack = Card(margin=20, spacing=6)
        head = QHBoxLayout()
        head.addWidget(Label("home.pack", "title"))
        head.addStretch(1)
        head.addWidget(self._total)
        pack.body.addLayout(head)
        pack.body.addWidget(Label("home.pack.words", "muted", wrap=True))
        pack.body.addLayout(self._list)
        pack.body.addWidget(Separator())
        pack.body.addWidget(self._terms)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        for button in (self.get, self.pause, self.start):
            buttons.addWidget(button)
        buttons.addStretch(1)
        pack.body.addSpacing(4)
        pack.body.addLayout(buttons)
        holder = QWidget()
        holder.setMaximumWidth(WIDTH)
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addLayout(top)
        column.addWidget(Label("home.welcome.words", wrap=True))
        column.addWidget(self._computer)
        column.addWidget(pack)
        column.addStretch(1)
        centre = QHBoxLayout()
        centre.addStretch(1)
        centre.addWidget(holder, 100)
        centre.addStretch(1)
        self.body.addStretch(1)
        self.body.addLayout(centre)
        self.body.addStretch(2)

    # --- showing -------------------------------------------------------------------------------

    def _say(self) -> None:
        self.languages.set_value(language.current.value)
        self._show_computer()
        self._show_buttons()

    def _show_machine(self, _: Machine | None) -> None:
        self.model.count()
        self._show_computer()

    def _show_fitting(self, _: tuple[int, int] | None) -> None:
        self._show_computer()

    def _show_computer(self) -> None:
        counted, facts = self.model.fitting.value, machine_words(self._home.machine.value)
        words = "" if counted is None else t("home.fitting", n=counted[0], all=counted[1])
        self._computer.setText(t("home.computer", facts=facts, words=words) if facts else words)

    def _show_offline(self, _: bool) -> None:
        self._show_buttons()

    def _show_starters(self, starters: tuple[Starter, ...]) -> None:
        for starter in starters:
            model_id = starter.entry.model.id
            if model_id not in self.rows:
                self.rows[model_id] = StarterRow(starter)
                self._list.addWidget(Separator())
                self._list.addWidget(self.rows[model_id])
            self.rows[model_id].show_starter(starter)
        self._show_buttons()

    def _show_buttons(self) -> None:
        missing, moving = self.model.missing, any(one.moving for one in self.model.starters.value)
        offline, forced = self.model.offline.value, self.model.forced_offline
        total = sum(one.bytes for one in missing)
        self._total.setText(t("home.pack.total", size=size(total)) if missing else t("home.pack.here"))
        self.get.setVisible(bool(missing) and not moving)
        self.get.setEnabled(not forced)
        self.get.setText(t("home.get_pack.online" if offline and not forced else "home.get_pack"))
        self.pause.setVisible(moving)
        self.start.setText(
            t("home.start_meanwhile" if moving else "home.start_here" if missing else "home.start")
        )
        self.start.set_kind("secondary" if missing else "primary")
        ids = ", ".join(dict.fromkeys(one.entry.model.licence.id for one in missing))
        terms = t("models.offline.started") if forced else t("home.terms", licences=ids)
        self._terms.setText(terms)
        self._terms.setVisible(bool(missing))
