"""Speak: text of any length to one sound, or words to music; drawn, played, kept."""

from __future__ import annotations

import asyncio
from pathlib import Path

from PySide6.QtCore import QSize
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QListWidgetItem, QStackedLayout, QVBoxLayout, QWidget

from studio.app import files, keys
from studio.app.background import Background
from studio.app.desk import Desk
from studio.app.language import on_language
from studio.app.making_panel import MakingPanel
from studio.app.observable import bind, watch
from studio.app.panels.speak.viewmodel import SpeakModel
from studio.app.recent import Shown
from studio.app.sound import Player, read_peaks
from studio.app.strip_feed import ICONS
from studio.app.widgets.button import IconButton
from studio.app.widgets.card import Card
from studio.app.widgets.empty_state import EmptyState
from studio.app.widgets.label import ElidedLabel, Label
from studio.app.widgets.prompt_box import PromptBox
from studio.app.widgets.waveform import Waveform
from studio.domain.failure import Failure, StudioError
from studio.domain.quantity import clock, length
from studio.domain.text import language, t
from studio.services.library.library import Entry

ROOM_FOR_BOTH = 380  # pixels: lower, the list of sounds would press the open one together


class SpeakPanel(MakingPanel):
    def __init__(self, desk: Desk) -> None:
        self.model = SpeakModel(desk)
        super().__init__(
            desk, self.model, PromptBox("speak.speech.placeholder", "speak.speech.generate", lines=5)
        )
        self.player = Player(self)
        self.wave = Waveform()
        self.list = QListWidget()
        self._title = ElidedLabel(role="title")
        self._time = Label(role="muted")
        self.play = IconButton("play", "speak.play", side=44)
        self._background = Background("Speak")
        self._reading: asyncio.Future[None] | None = None
        self._shown: Path | None = None
        self._seconds = 0.0
        self._pages = QStackedLayout()
        self._empty = {task: self._nothing(task) for task in self.model.tasks}
        self._sounds = self._sound()
        self._pages.addWidget(self._sounds)
        holder = QWidget()
        holder.setLayout(self._pages)
        self.workspace.addWidget(holder, 1)
        self._connect()

    def close_down(self) -> None:
        self.player.stop()
        self._background.close()
        super().close_down()

    def _nothing(self, task: str) -> QWidget:
        key = f"speak.{task}.empty"
        icon = ICONS[task]
        empty = EmptyState(icon, key, f"speak.{task}.empty.words", f"speak.{task}.empty.example", "generate")
        empty.clicked.connect(self._example)
        self._pages.addWidget(empty)
        return empty

    def _sound(self) -> QWidget:
        """The open sound above, those of late below."""
        card = Card(margin=18, spacing=12)
        top = QHBoxLayout()
        top.addWidget(self._title, 1)
        for icon, key, action in (
            ("again", "speak.use_again", self.model.use_again),
            ("save", "app.save_copy", self._save),
            ("reveal", "app.reveal", self._reveal),
            ("delete", "speak.delete", self._delete),
        ):
            button = IconButton(icon, key)
            button.clicked.connect(action)
            top.addWidget(button)
        bottom = QHBoxLayout()
        bottom.setSpacing(12)
        bottom.addWidget(self.play)
        bottom.addWidget(self._time)
        bottom.addStretch(1)
        card.body.addLayout(top)
        card.body.addWidget(self.wave, 1)
        card.body.addLayout(bottom)
        self.list.setProperty("rows", True)
        self.list.setMaximumHeight(190)
        lately = QWidget()
        column = QVBoxLayout(lately)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(14)
        column.addWidget(Label("speak.recent", "label"))
        column.addWidget(self.list)
        return _Page(card, lately)

    def _connect(self) -> None:
        self.play.clicked.connect(self._toggle)
        self.wave.seek_requested.connect(self._seek)
        self.player.position_changed.connect(self._moved)
        self.player.playing_changed.connect(self._playing)
        self.player.failed.connect(self._cannot_play)
        self.list.currentRowChanged.connect(self._chosen)
        keys.shortcut("use_again", self, self.model.use_again)
        keys.shortcut("delete", self, self._delete)
        bind(self.model.entry, self._show_task)
        bind(self.model.recent.results, self._show_sounds)
        bind(self.model.recent.current, self._show_current)
        watch(self.model.recent.arrived, self._arrived)
        on_language(self._retranslate)

    # --- showing -------------------------------------------------------------------------------

    def _retranslate(self) -> None:
        self.list.setAccessibleName(t("speak.recent"))
        self._show_sounds(self.model.recent.results.value)

    def _show_task(self, _: Entry | None) -> None:
        """A voice and a model of music ask for different words."""
        task = self.model.task
        self.prompt.set_words(f"speak.{task}.placeholder", f"speak.{task}.generate")
        self._show_page()

    def _show_page(self) -> None:
        sounds = self.model.recent.results.value
        self._pages.setCurrentWidget(self._sounds if sounds else self._empty[self.model.task])

    def _show_sounds(self, sounds: tuple[Shown, ...]) -> None:
        self._show_page()
        self.list.blockSignals(True)
        self.list.clear()
        for sound in sounds:
            time = f"{length(sound.seconds)}   " if sound.seconds is not None else ""
            self.list.addItem(QListWidgetItem(f"{time}{sound.title}"))
        self._mark_current()
        self.list.blockSignals(False)

    def _mark_current(self) -> None:
        paths = [sound.path for sound in self.model.recent.results.value]
        current = self.model.recent.current.value
        self.list.setCurrentRow(paths.index(current.path) if current and current.path in paths else -1)

    def _show_current(self, sound: Shown | None) -> None:
        self.list.blockSignals(True)
        self._mark_current()
        self.list.blockSignals(False)
        if sound is None or sound.path == self._shown:
            return
        self._shown = sound.path
        self._title.setText(sound.title)
        self.player.open(sound.path)
        if self._reading is not None:
            self._reading.cancel()
        self._reading = self._background.start(self._read(sound.path))

    async def _read(self, path: Path) -> None:
        try:
            values, self._seconds = await read_peaks(path)
        except OSError as error:
            values, self._seconds = (), 0.0
            self.desk.complain(Failure(code="internal", values={"reason": str(error)}))
        self.wave.set_peaks(values, self._seconds)
        self._moved(0.0)

    def _moved(self, seconds: float) -> None:
        self.wave.set_position(seconds)
        self._time.setText(f"{clock(seconds)} / {length(self._seconds)}")

    def _playing(self, playing: bool) -> None:
        self.play.set_icon("pause" if playing else "play")
        self.play.set_name(t("speak.pause" if playing else "speak.play"))

    def _arrived(self, _: Shown) -> None:
        self.player.stop()

    # --- doing ---------------------------------------------------------------------------------

    def _chosen(self, row: int) -> None:
        if 0 <= row < len(self.model.recent.results.value):
            self.model.recent.open(self.model.recent.results.value[row].path)

    def _example(self) -> None:
        examples = self.model.model.prompts(language()) if self.model.model else ()
        if examples and not self.model.prompt.value.strip():
            self.model.prompt.value = examples[0]
        self.generate()

    def _toggle(self) -> None:
        try:
            self.player.toggle()
        except StudioError as error:
            self.desk.complain(error.failure, "speak.open_outside", self._open_outside)

    def _seek(self, seconds: float) -> None:
        try:
            self.player.seek(seconds)
        except StudioError as error:
            self.desk.complain(error.failure, "speak.open_outside", self._open_outside)

    def _cannot_play(self, words: str) -> None:
        failure = Failure(code="internal", values={"reason": words})
        self.desk.complain(failure, "speak.open_outside", self._open_outside)

    def _open_outside(self) -> None:
        if self.model.recent.current.value is not None:
            files.open_file(self.model.recent.current.value.path)

    def _save(self) -> None:
        if self.model.recent.current.value is not None:
            files.save_copy(self, self.model.recent.current.value.path, self.desk.complain)

    def _reveal(self) -> None:
        if self.model.recent.current.value is not None:
            files.reveal(self.model.recent.current.value.path)

    def _delete(self) -> None:
        self.player.stop()
        self.model.recent.delete()


class _Page(QWidget):
    """The open sound, and those of late below where there is room for both."""

    def __init__(self, card: Card, lately: QWidget) -> None:
        super().__init__()
        self._card, self._lately = card, lately
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(14)
        column.addWidget(card, 1)
        column.addWidget(lately)

    def minimumSizeHint(self) -> QSize:
        return QSize(super().minimumSizeHint().width(), self._card.minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lately.setVisible(self.height() >= ROOM_FOR_BOTH)


def create(desk: Desk) -> SpeakPanel:
    return SpeakPanel(desk)
