"""The queue, in a sheet that slides nothing aside: it lies over the right of the window and blocks nothing.

sheet = QueueSheet(window, QueueViewModel(desk), bottom=strip.HEIGHT)
sheet.open("job id")            shows it, with that job chosen;  sheet.toggle()
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QDropEvent, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from studio.app import icons, theme
from studio.app.language import bind_text, on_language
from studio.app.observable import bind, watch
from studio.app.queue_rows import EndedRow, HeldRow, RunningRows
from studio.app.queue_view_model import EndedJob, QueueViewModel
from studio.app.strip_model import RunningJob, WaitingJob
from studio.app.widgets.button import Button, IconButton
from studio.app.widgets.label import Label
from studio.app.widgets.scroll import ScrollColumn
from studio.app.widgets.sheet import Sheet
from studio.domain.quantity import duration
from studio.domain.text import t

WIDTH = 440
ROW = 40
MOST_ROWS = 7


class QueueSheet(Sheet):
    """*bottom*: pixels of the window's foot that stay free. Esc closes it."""

    def __init__(self, window: QWidget, model: QueueViewModel, *, bottom: int) -> None:
        super().__init__(window)
        self._model = model
        self._bottom = bottom
        self._before: QWidget | None = None
        bind_text(self.setAccessibleName, "strip.queue")
        self.close_button = IconButton("close", "app.dismiss", framed=False, side=32)
        self.close_button.clicked.connect(self.close_sheet)
        self.running = RunningRows(model)
        self.waiting = WaitingList()
        self._waiting_title = Label(role="label")
        self._waiting_section = self._make_waiting()
        self._held = _Section("queue.held")
        self._ended = _Section("queue.ended")
        self._lay_out()
        self._wire()
        self.hide()

    # --- shown and hidden -----------------------------------------------------------------------

    def toggle(self) -> None:
        if self.isVisible():
            self.close_sheet()
        else:
            self.open()

    def open(self, job: str = "") -> None:
        """Show it; *job*: a waiting one to choose."""
        if not self.isVisible():
            self._before = self.window().focusWidget()
        self.place()
        self.show()
        self.raise_()
        waiting = self._model.waiting.value
        self._model.chosen.value = job or self._model.chosen.value or (waiting[0].id if waiting else "")
        (self.waiting if waiting else self.close_button).setFocus(Qt.FocusReason.ShortcutFocusReason)

    def close_sheet(self) -> None:
        """Hide it, and give the keyboard back."""
        self.hide()
        if self._before is not None and self._before.isVisible():
            self._before.setFocus()
        self._before = None

    def close_down(self) -> None:
        self._model.close()

    # --- how it is put together -----------------------------------------------------------------

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setContentsMargins(20, 0, 12, 0)
        top.addWidget(Label("strip.queue", "title"))
        top.addStretch(1)
        top.addWidget(self.close_button)
        scroll = ScrollColumn(margins=(20, 4, 20, 16), spacing=22, surface=True)
        for part in (self.running, self._waiting_section, self._held, self._ended):
            scroll.body.addWidget(part)
        scroll.body.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 14, 0, 0)
        column.setSpacing(10)
        column.addLayout(top)
        column.addWidget(scroll, 1)

    def _make_waiting(self) -> QWidget:
        section = QWidget()
        top = QHBoxLayout()
        top.addWidget(self._waiting_title, 1)
        drop_all = Button("queue.cancel_all", kind="quiet")
        drop_all.clicked.connect(self._model.cancel_all)
        top.addWidget(drop_all)
        row = QHBoxLayout()
        row.setSpacing(8)
        self.actions: dict[str, IconButton] = {}
        for name, icon, action in (
            ("front", "move_up", self._to_front),
            ("sooner", "arrow_up", lambda: self._shift(-1)),
            ("later", "arrow_down", lambda: self._shift(1)),
            ("cancel", "cancel", self._cancel),
        ):
            button = IconButton(icon, f"queue.{name}", side=34)
            button.clicked.connect(action)
            self.actions[name] = button
            row.addWidget(button)
            if name == "later":
                row.addStretch(1)
        column = QVBoxLayout(section)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(top)
        column.addWidget(self.waiting)
        column.addLayout(row)
        return section

    def _wire(self) -> None:
        model = self._model
        self._held.add_button("queue.resume_all", model.resume_all)
        self._held.add_button("queue.forget_all", model.forget_held)
        self._ended.add_button("queue.clear", model.clear_ended)
        self.waiting.chosen.connect(self._chose)
        self.waiting.moved.connect(model.move)
        self.waiting.shifted.connect(self._shift)
        self.waiting.dropped.connect(self._cancel)
        bind(model.running, self._show_running)
        bind(model.waiting, self._show_waiting)
        watch(model.seconds, self._count_waiting)
        bind(model.chosen, self._show_chosen)
        bind(model.held, self._show_held)
        bind(model.ended, self._show_ended)
        on_language(self._retranslate)

    # --- showing --------------------------------------------------------------------------------

    def _retranslate(self) -> None:
        self.waiting.setAccessibleName(t("queue.waiting_jobs"))
        self._count_waiting(None)
        self._show_held(self._model.held.value)
        self._show_ended(self._model.ended.value)

    def _show_running(self, jobs: tuple[RunningJob, ...]) -> None:
        self.running.show_jobs(jobs)

    def _show_waiting(self, jobs: tuple[WaitingJob, ...]) -> None:
        self._waiting_section.setVisible(bool(jobs))
        self.waiting.show_jobs(jobs, self._model.chosen.value)
        self._count_waiting(None)
        self._show_chosen(self._model.chosen.value)

    def _count_waiting(self, _: object) -> None:
        count, seconds = len(self._model.waiting.value), self._model.seconds.value
        if seconds is None:
            words = t("strip.waiting", count=count)
        else:
            words = t("strip.waiting_time", count=count, time=duration(seconds))
        self._waiting_title.setText(words)

    def _show_chosen(self, job: str) -> None:
        self.waiting.choose(job)
        place = self._model.place(job)
        last = len(self._model.waiting.value) - 1
        self.actions["front"].setEnabled(bool(place))
        self.actions["sooner"].setEnabled(bool(place))
        self.actions["later"].setEnabled(place is not None and place < last)
        self.actions["cancel"].setEnabled(place is not None)

    def _show_held(self, jobs: tuple[WaitingJob, ...]) -> None:
        self._held.show_rows([HeldRow(self._model, job) for job in jobs], self._model.held_count.value)

    def _show_ended(self, jobs: tuple[EndedJob, ...]) -> None:
        self._ended.show_rows([EndedRow(self._model, job) for job in jobs], self._model.ended_count.value)

    # --- doing ----------------------------------------------------------------------------------

    def _chose(self, job: str) -> None:
        self._model.chosen.value = job

    def _to_front(self) -> None:
        self._model.move(self._model.chosen.value, 0)

    def _shift(self, by: int) -> None:
        self._model.shift(self._model.chosen.value, by)

    def _cancel(self) -> None:
        self._model.cancel(self._model.chosen.value)

    # --- being a sheet --------------------------------------------------------------------------

    def place(self) -> None:
        window = self.parentWidget()
        if window is not None:
            self.setGeometry(window.width() - WIDTH, 0, WIDTH, window.height() - self._bottom)

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface"))
        painter.fillRect(0, 0, 1, self.height(), theme.color("border"))


class WaitingList(QListWidget):
    """Jobs in the order in which they will run: dragged, or moved with Alt and the arrows; Delete drops one.

    `moved` carries an id and its new place, `shifted` -1 or 1.
    """

    chosen = Signal(object)
    moved = Signal(object, object)
    shifted = Signal(object)
    dropped = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("rows", True)
        self.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        self.setUniformItemSizes(True)
        self.setFrameShape(QListWidget.Shape.NoFrame)
        self.setIconSize(QSize(16, 16))
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self._ids: list[str] = []
        self.currentRowChanged.connect(self._changed)

    def show_jobs(self, jobs: Sequence[WaitingJob], chosen: str) -> None:
        """Silent."""
        self._ids = [job.id for job in jobs]
        place = self.verticalScrollBar().value()
        self.blockSignals(True)
        self.clear()
        for job in jobs:
            item = QListWidgetItem(icons.icon(job.icon, "muted"), job.title)
            item.setSizeHint(QSize(100, ROW))
            item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsDropEnabled)
            self.addItem(item)
        self.blockSignals(False)
        self.choose(chosen)
        self.verticalScrollBar().setValue(place)
        self.setFixedHeight(ROW * min(max(len(jobs), 1), MOST_ROWS) + 4)

    def choose(self, job: str) -> None:
        """Silent."""
        self.blockSignals(True)
        self.setCurrentRow(self._ids.index(job) if job in self._ids else -1)
        self.blockSignals(False)

    def _changed(self, row: int) -> None:
        self.chosen.emit(self._ids[row] if 0 <= row < len(self._ids) else "")

    def dropEvent(self, event: QDropEvent) -> None:
        """The queue moves the job, and what it then says is shown; nothing is moved here."""
        source, index = self.currentRow(), self.indexAt(event.position().toPoint())
        place = index.row() if index.isValid() else len(self._ids)
        if self.dropIndicatorPosition() == QAbstractItemView.DropIndicatorPosition.BelowItem:
            place += 1
        event.setDropAction(Qt.DropAction.IgnoreAction)
        event.accept()
        if 0 <= source < len(self._ids):
            self.moved.emit(self._ids[source], place - (place > source))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        alt = bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
        if alt and event.key() in (Qt.Key.Key_Up, Qt.Key.Key_Down):
            self.shifted.emit(-1 if event.key() == Qt.Key.Key_Up else 1)
        elif alt and event.key() == Qt.Key.Key_Home and self.currentRow() > 0:
            self.moved.emit(self._ids[self.currentRow()], 0)
        elif event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.dropped.emit()
        else:
            super().keyPressEvent(event)


class _Section(QWidget):
    """A title with buttons, rows below it; absent while it has none."""

    def __init__(self, title_key: str) -> None:
        super().__init__()
        self._top = QHBoxLayout()
        self._top.setSpacing(4)
        self._top.addWidget(Label(title_key, "label"))
        self._top.addStretch(1)
        self._rows: list[QWidget] = []
        self._more = Label(role="small")
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(8)
        self._column.addLayout(self._top)
        self._column.addWidget(self._more)

    def add_button(self, key: str, action) -> None:
        button = Button(key, kind="quiet")
        button.clicked.connect(action)
        self._top.addWidget(button)

    def show_rows(self, rows: list[QWidget], count: int) -> None:
        """*count*: how many there are in all."""
        for row in self._rows:
            self._column.removeWidget(row)
            row.hide()
            row.deleteLater()
        self._rows = rows
        for place, row in enumerate(rows, 1):
            self._column.insertWidget(place, row)
        self._more.setText(t("queue.others", count=count - len(rows)))
        self._more.setVisible(count > len(rows))
        self.setVisible(bool(rows))
