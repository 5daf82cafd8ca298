"""One result, large: a picture to zoom, a sound to play, a text to read. Arrow keys go on, Esc goes back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QStackedLayout, QVBoxLayout, QWidget

from studio.app import files, keys, pictures
from studio.app.desk import Desk
from studio.app.language import on_language
from studio.app.panels.gallery.grid import icon_of, title_of
from studio.app.panels.gallery.thumbnails import read_text
from studio.app.sound import Player, read_peaks
from studio.app.widgets.button import Button, IconButton
from studio.app.widgets.card import Card, IconTile
from studio.app.widgets.image_view import ImageView
from studio.app.widgets.label import ElidedLabel, Label
from studio.app.widgets.waveform import Waveform
from studio.domain.failure import Failure, StudioError
from studio.domain.quantity import clock, length
from studio.domain.text import t
from studio.services.gallery import Result

log = logging.getLogger(__name__)

MOST_TEXT = 2_000_000  # characters; more of a file is for another program


class LargeView(QWidget):
    """`back` asks for the list, `browsed` carries -1 or 1."""

    back = Signal()
    browsed = Signal(object)

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._result: Result | None = None
        self._reading: asyncio.Future[None] | None = None
        self._title = ElidedLabel(role="title")
        self.image = ImageView()
        self.text = QPlainTextEdit()
        self.sound = _Sound(self._complain)
        self._other = IconTile("file", side=96)
        self._previous = IconButton("chevron_left", "key.previous")
        self._next = IconButton("chevron_right", "key.next")
        self._outside = Button("gallery.open_outside", "external")
        self._lay_out()
        self._previous.clicked.connect(lambda: self.browsed.emit(-1))
        self._next.clicked.connect(lambda: self.browsed.emit(1))
        self._outside.clicked.connect(self._open_outside)
        self.image.browse_requested.connect(self.browsed)
        self.image.failed.connect(desk.complain)
        keys.shortcut("stop", self, self._back, Qt.ShortcutContext.WidgetWithChildrenShortcut)
        on_language(self._retranslate)

    def _lay_out(self) -> None:
        back = Button("panel.gallery", "arrow_left")
        back.clicked.connect(self._back)
        top = QHBoxLayout()
        top.setSpacing(10)
        top.addWidget(back)
        top.addWidget(self._title, 1)
        for button in (self._outside, self._previous, self._next):
            top.addWidget(button)
        self.text.setReadOnly(True)
        holder = QWidget()
        self._stack = QStackedLayout(holder)
        other = QWidget()
        QVBoxLayout(other).addWidget(self._other, 0, Qt.AlignmentFlag.AlignCenter)
        self._pages = {"image": self.image, "audio": self.sound, "text": self.text, "": other}
        for page in self._pages.values():
            self._stack.addWidget(page)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(14)
        column.addLayout(top)
        column.addWidget(holder, 1)

    def show_result(self, result: Result | None, *, first: bool = False, last: bool = False) -> None:
        """None stops whatever plays. *first* and *last*: there is none before or after it."""
        self._previous.setEnabled(not first)
        self._next.setEnabled(not last)
        if result == self._result:
            return
        self._result = result
        self.sound.player.stop()
        if self._reading is not None:
            self._reading.cancel()
        if result is None:
            return
        kind = result.media_type.partition("/")[0]
        page = self._pages.get(kind, self._pages[""])
        had_focus = self.isAncestorOf(self.focusWidget()) if self.focusWidget() else True
        self._title.setText(title_of(result))
        self._other.set_icon(icon_of(result))
        self._stack.setCurrentWidget(page)
        if had_focus:
            (self.sound.wave if page is self.sound else page).setFocus()
        reader = {"image": self._read_image, "audio": self.sound.read, "text": self._read_text}.get(kind)
        if reader is not None:
            self._reading = _spawn(reader(result))

    def close_down(self) -> None:
        self.sound.player.stop()
        if self._reading is not None:
            self._reading.cancel()

    async def _read_image(self, result: Result) -> None:
        image = await pictures.load(result.path)
        self.image.set_image(image, result.path)
        self.image.set_caption("" if not image.isNull() else t("gallery.unreadable"))

    async def _read_text(self, result: Result) -> None:
        try:
            words = await asyncio.to_thread(read_text, result.path, MOST_TEXT)
        except OSError as error:
            self._complain(Failure(code="internal", values={"reason": str(error)}))
            words = ""
        self.text.setPlainText(words)

    def _back(self) -> None:
        self.back.emit()

    def _retranslate(self) -> None:
        self.text.setAccessibleName(t("gallery.text"))

    def _complain(self, failure: Failure) -> None:
        self._desk.complain(failure, "gallery.open_outside", self._open_outside)

    def _open_outside(self) -> None:
        if self._result is not None:
            files.open_file(self._result.path)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown):
            self.browsed.emit(-1 if event.key() == Qt.Key.Key_PageUp else 1)
        else:
            super().keyPressEvent(event)


class _Sound(QWidget):
    """The waveform and what plays it. *complain* is told why it cannot be heard."""

    def __init__(self, complain: Any) -> None:
        super().__init__()
        self._complain = complain
        self._seconds = 0.0
        self.player = Player(self)
        self.wave = Waveform()
        self.play = IconButton("play", "gallery.play", side=44)
        self._time = Label(role="muted")
        card = Card(margin=18, spacing=12)
        card.body.addWidget(self.wave, 1)
        bottom = QHBoxLayout()
        bottom.setSpacing(12)
        bottom.addWidget(self.play)
        bottom.addWidget(self._time)
        bottom.addStretch(1)
        card.body.addLayout(bottom)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(card)
        self.play.clicked.connect(lambda: self._do(self.player.toggle))
        self.wave.seek_requested.connect(lambda seconds: self._do(lambda: self.player.seek(seconds)))
        self.player.position_changed.connect(self._moved)
        self.player.playing_changed.connect(self._playing)
        self.player.failed.connect(self._failed)

    async def read(self, result: Result) -> None:
        self.player.open(result.path)
        try:
            values, self._seconds = await read_peaks(result.path)
        except OSError as error:
            values, self._seconds = (), 0.0
            self._failed(str(error))
        self.wave.set_peaks(values, self._seconds)
        self._moved(0.0)

    def _do(self, action: Any) -> None:
        try:
            action()
        except StudioError as error:
            self._complain(error.failure)

    def _failed(self, words: str) -> None:
        self._complain(Failure(code="internal", values={"reason": words}))

    def _moved(self, seconds: float) -> None:
        self.wave.set_position(seconds)
        self._time.setText(f"{clock(seconds)} / {length(self._seconds)}")

    def _playing(self, playing: bool) -> None:
        self.play.set_icon("pause" if playing else "play")
        self.play.set_name(t("gallery.pause" if playing else "gallery.play"))


def _spawn(work: Coroutine[Any, Any, None]) -> asyncio.Future[None]:
    task = asyncio.ensure_future(work)
    task.add_done_callback(_report)
    return task


def _report(task: asyncio.Future[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("a result could not be opened", exc_info=error)
