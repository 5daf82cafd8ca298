"""The downloads that are not over, in their order: how far each is and each of its files, and what to do."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from studio.app.desk import Desk
from studio.app.download_bar import DownloadBar
from studio.app.language import on_language
from studio.app.observable import watch
from studio.app.panels.models.viewmodel import ModelsModel
from studio.app.widgets.announce import announce
from studio.app.widgets.button import IconButton
from studio.app.widgets.card import Card, Separator
from studio.app.widgets.label import ElidedLabel, Label
from studio.app.widgets.meter import Meter
from studio.domain.failure import Failure
from studio.domain.quantity import size
from studio.domain.text import localized, t
from studio.services.downloads.state import DownloadState, FileState, State

GAP = 20  # pixels below the list


class DownloadList(QWidget):
    """Hidden while there is none. Rows stay: only what they show changes."""

    def __init__(self, desk: Desk, model: ModelsModel) -> None:
        super().__init__()
        self._desk, self._downloads, self._model = desk, desk.studio.downloads, model
        self.rows: list[DownloadRow] = []
        self._card = Card(margin=16, spacing=14)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, GAP)
        column.addWidget(self._card)
        watch(self._downloads.changed, self._changed)
        self._order = [""]
        self._lay_out()

    def _changed(self, state: DownloadState) -> None:
        if self._downloads.order != self._order:
            self._lay_out()
            return
        for row in self.rows:
            if row.id == state.id:
                row.show_state(state)

    def _lay_out(self) -> None:
        self._order = self._downloads.order
        waiting = self._downloads.waiting
        while len(self.rows) < len(self._order):
            row = DownloadRow(self)
            self.rows.append(row)
            self._card.body.addWidget(row)
        for place, row in enumerate(self.rows):
            if place < len(self._order):
                model_id = self._order[place]
                row.show_download(
                    self._downloads.states[model_id],
                    self._model.cards[model_id].value.model.title,
                    first=place == 0,
                    may_rise=model_id in waiting[1:],
                )
            row.setVisible(place < len(self._order))
        self.setVisible(bool(self._order))

    # --- what a row asks for ---------------------------------------------------------------------

    def pause(self, model_id: str) -> None:
        self._model.pause(model_id)

    def go_on(self, model_id: str) -> None:
        """What keeps it from that is said here too, for its card may be out of sight."""
        self._model.get(model_id)
        failure = self._model.cards[model_id].value.failure
        if failure is not None:
            self._desk.complain(failure)

    def give_up(self, model_id: str) -> None:
        self._model.cancel(model_id)

    def raise_up(self, model_id: str) -> None:
        waiting = self._downloads.waiting
        if model_id in waiting:
            self._downloads.move(model_id, waiting.index(model_id) - 1)


class DownloadRow(QWidget):
    def __init__(self, owner: DownloadList) -> None:
        super().__init__()
        self.id = ""
        self._title: dict[str, str] = {}
        self._failure: Failure | None = None
        self._line = Separator()
        self._name = ElidedLabel(role="strong")
        self.up = IconButton("arrow_up", "downloads.up", side=32)
        self.pause = IconButton("pause", "models.pause", side=32)
        self.go_on = IconButton("play", "models.go_on", side=32)
        self.give_up = IconButton("cancel", "models.cancel", side=32)
        self.up.clicked.connect(lambda: owner.raise_up(self.id))
        self.pause.clicked.connect(lambda: owner.pause(self.id))
        self.go_on.clicked.connect(lambda: owner.go_on(self.id))
        self.give_up.clicked.connect(lambda: owner.give_up(self.id))
        self.bar = DownloadBar()
        self._why = Label(role="error", wrap=True)
        self.files = FileRows()
        top = QHBoxLayout()
        top.setSpacing(8)
        top.addWidget(self._name, 1)
        for button in (self.up, self.pause, self.go_on, self.give_up):
            top.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self._line)
        column.addLayout(top)
        column.addWidget(self.bar)
        column.addWidget(self._why)
        column.addWidget(self.files)
        on_language(self._say)

    def show_download(
        self, state: DownloadState, title: dict[str, str], *, first: bool, may_rise: bool
    ) -> None:
        self.id, self._title = state.id, title
        self._line.setVisible(not first)
        self.up.setVisible(may_rise)
        self._say()
        self.show_state(state)

    def show_state(self, state: DownloadState) -> None:
        moving = state.state in (State.RUNNING, State.WAITING)
        self.pause.setVisible(moving)
        self.go_on.setVisible(not moving)
        self.bar.setVisible(state.state is not State.FAILED)
        self.bar.meter.setVisible(state.state is not State.WAITING or state.done_bytes > 0)
        self.bar.show_state(state)
        self.files.show_files(state.files)
        if state.failure != self._failure:
            self._failure = state.failure
            self._complain()
            if state.failure is not None:
                announce(self, self._why.text(), urgent=True)
        self._why.setVisible(state.failure is not None)

    def _say(self) -> None:
        title = localized(self._title)
        self._name.setText(title)
        for button, key in (
            (self.up, "downloads.up"),
            (self.pause, "models.pause"),
            (self.go_on, "models.go_on"),
            (self.give_up, "models.cancel"),
        ):
            button.setAccessibleName(t("models.button", what=t(key), title=title))
        self._complain()

    def _complain(self) -> None:
        if self._failure is not None:
            self._why.setText(f"{self._failure.message}\n{self._failure.hint}".strip())


class FileRows(QWidget):
    """The files that are on their way; as many rows as there ever were at once."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[FileRow] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(14, 0, 0, 0)
        self._column.setSpacing(4)
        self.hide()

    def show_files(self, files: tuple[FileState, ...]) -> None:
        while len(self.rows) < len(files):
            row = FileRow()
            self.rows.append(row)
            self._column.addWidget(row)
        for place, row in enumerate(self.rows):
            if place < len(files):
                row.show_file(files[place])
            row.setVisible(place < len(files))
        self.setVisible(bool(files))


class FileRow(QWidget):
    METER = 120  # pixels

    def __init__(self) -> None:
        super().__init__()
        self._name = ElidedLabel(role="small", middle=True)
        self._amount = Label(role="small")
        self.meter = Meter(thickness=4, tone="muted")
        self.meter.setFixedWidth(self.METER)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        row.addWidget(self._name, 1)
        row.addWidget(self._amount)
        row.addWidget(self.meter)
        self._file = FileState(name="", done=0, total=0)
        on_language(self._say)

    def show_file(self, file: FileState) -> None:
        if file.name != self._file.name:
            self._name.setText(file.name)
            self.meter.setAccessibleName(file.name)
        self._file = file
        self._say()
        self.meter.set_value(min(1.0, file.done / file.total) if file.total else None)

    def _say(self) -> None:
        done, total = size(self._file.done), size(self._file.total)
        self._amount.setText(t("download.of", done=done, total=total) if self._file.total else done)
