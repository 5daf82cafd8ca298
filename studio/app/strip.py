"""The strip at the bottom: the running job, what waits, memory, and whether the studio may go online."""

from __future__ import annotations

from itertools import pairwise

from PySide6.QtCore import QRectF
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from studio.app import icons, theme
from studio.app.language import bind_text, on_language
from studio.app.observable import bind, watch
from studio.app.strip_model import MemoryUse, RunningJob, StripModel, WaitingJob
from studio.app.widgets.button import IconButton
from studio.app.widgets.card import Separator
from studio.app.widgets.chips import Chip
from studio.app.widgets.label import ElidedLabel, Label
from studio.app.widgets.meter import Meter
from studio.domain import quantity
from studio.domain.text import t

HEIGHT = 76
_CHIPS = 3  # waiting jobs shown by name
_TITLE = 28  # characters of a waiting job's title
_GAP = 12
_REST = 56  # room for the number of the others


class QueueStrip(QWidget):
    """Shows *model* and asks it to stop a job or to show more."""

    def __init__(self, model: StripModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._model = model
        self.setFixedHeight(HEIGHT)
        bind_text(self.setAccessibleName, "strip.queue")
        self._running = _Running(model)
        row = QHBoxLayout(self)
        row.setContentsMargins(20, 0, 20, 0)
        row.setSpacing(16)
        row.addWidget(self._running)
        line = Separator(upright=True)
        line.setFixedHeight(26)
        row.addWidget(line)
        row.addWidget(_Waiting(model), 1)
        row.addWidget(_Memory(model))
        row.addWidget(_Network(model))

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme.color("surface"))
        painter.fillRect(0, 0, self.width(), 1, theme.color("border"))


class _Running(QWidget):
    """Its width is fixed: nothing beside it moves when the job or its numbers change."""

    def __init__(self, model: StripModel) -> None:
        super().__init__()
        self._model = model
        self._icon = "queue"
        self.setFixedWidth(462)
        self._title = ElidedLabel(role="strong")
        self._state = Label(role="muted")
        self._meter = Meter()
        bind_text(self._meter.setAccessibleName, "strip.queue")
        self._stop = IconButton("stop", "strip.stop", side=34)
        self._stop.clicked.connect(self._ask_stop)
        queue = IconButton("chevron_up", "strip.open_queue", framed=False, side=34)
        queue.clicked.connect(lambda: model.queue_requested.emit(None))
        top = QHBoxLayout()
        top.setSpacing(12)
        top.addWidget(self._title, 1)
        top.addWidget(self._state)
        column = QVBoxLayout()
        column.setSpacing(6)
        column.addStretch(1)
        column.addLayout(top)
        column.addWidget(self._meter)
        column.addStretch(1)
        row = QHBoxLayout(self)
        row.setContentsMargins(28, 0, 0, 0)
        row.setSpacing(10)
        row.addLayout(column, 1)
        row.addWidget(self._stop)
        row.addWidget(queue)
        watch(model.running, self._show)
        on_language(self._render)

    def _render(self) -> None:
        self._show(self._model.running.value)

    def _show(self, job: RunningJob | None) -> None:
        for part in (self._state, self._meter, self._stop):
            part.setVisible(job is not None)
        self._title.set_role("strong" if job else "muted")
        self._title.setText(job.title if job else t("strip.idle"))
        self._state.setText(state_words(job) if job else "")
        self._icon = job.icon if job else "queue"
        if job:
            self._meter.set_value(job.fraction)
            self._stop.setEnabled(not job.stopping)
        else:
            self._meter.set_value(0.0)
        self.update()

    def _ask_stop(self) -> None:
        job = self._model.running.value
        if job is not None:
            self._model.stop_requested.emit(job.id)

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        token = "text" if self._model.running.value else "muted"
        icons.paint(painter, self._icon, QRectF(0, self.height() / 2 - 8, 16, 16), token)


def state_words(job: RunningJob) -> str:
    """Phase, step and remaining time of a running job, and how many others run that are not shown."""
    beside = t("strip.beside", count=job.beside) if job.beside else ""
    return "  •  ".join(part for part in (*_stage(job), beside) if part)


def _stage(job: RunningJob) -> tuple[str, ...]:
    if job.stopping:
        return (t("strip.stopping"),)
    phase = t(job.phase or "strip.starting")
    if job.steps:
        phase = t("strip.step", phase=phase, step=job.step, steps=job.steps)
    about = "" if job.remaining is None else t("strip.about", time=quantity.duration(job.remaining))
    return (phase, about)


class _Waiting(QWidget):
    """As many waiting jobs by name as there is room for; the rest is a number."""

    def __init__(self, model: StripModel) -> None:
        super().__init__()
        self._model = model
        self._chips: list[Chip] = []
        self._label = Label(role="muted")
        self._rest = Chip()
        bind_text(self._rest.setAccessibleName, "strip.open_queue")
        self._rest.clicked.connect(lambda: model.queue_requested.emit(None))
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(_GAP)
        self._row.addWidget(self._label)
        self._row.addWidget(self._rest)
        self._row.addStretch(1)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        watch(model.waiting, self._show)
        watch(model.waiting_seconds, self._reword)
        on_language(self._render)
        self._show(model.waiting.value)

    def _render(self) -> None:
        count, seconds = len(self._model.waiting.value), self._model.waiting_seconds.value
        if not count:
            self._label.setText("")
        elif seconds is None:
            self._label.setText(t("strip.waiting", count=count))
        else:
            self._label.setText(t("strip.waiting_time", count=count, time=quantity.duration(seconds)))
        self._fit()

    def _reword(self, _: float | None) -> None:
        self._render()

    def _show(self, jobs: tuple[WaitingJob, ...]) -> None:
        for chip in self._chips:
            self._row.removeWidget(chip)
            chip.hide()
            chip.deleteLater()
        self._chips = []
        for place, job in enumerate(jobs[:_CHIPS]):
            chip = Chip(icon=job.icon, parent=self)
            title = " ".join(job.title.split())
            chip.setText(title if len(title) <= _TITLE else title[: _TITLE - 1] + "…")
            chip.clicked.connect(lambda _=False, job_id=job.id: self._model.job_chosen.emit(job_id))
            self._row.insertWidget(1 + place, chip)
            self._chips.append(chip)
        for first, second in pairwise([self._rest, *self._chips, self._rest]):  # to the place of the last
            self.setTabOrder(first, second)
        self._render()

    def _fit(self) -> None:
        total = len(self._model.waiting.value)
        room = self.width() - self._label.sizeHint().width()
        shown = 0
        for chip in self._chips:
            room -= chip.sizeHint().width() + _GAP
            keep = 0 if shown + 1 == total else _REST
            fits = room >= keep and shown == self._chips.index(chip)
            chip.setVisible(fits)
            shown += fits
        self._rest.setText(f"+{total - shown}")
        self._rest.setVisible(0 < shown < total)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()


class _Memory(QWidget):
    def __init__(self, model: StripModel) -> None:
        super().__init__()
        self._model = model
        self._label = Label(role="muted")
        row = QHBoxLayout(self)
        row.setContentsMargins(24, 0, 0, 0)
        row.addWidget(self._label)
        watch(model.memory, self._show)
        on_language(self._render)

    def _render(self) -> None:
        self._show(self._model.memory.value)

    def _show(self, memory: MemoryUse | None) -> None:
        if memory is not None:
            used, total = quantity.gigabytes(memory.used), f"{memory.total / 1e9:.0f}"
            self._label.setText(t("strip.memory", used=used, total=total))
        self.update()

    def paintEvent(self, _: QPaintEvent) -> None:
        if self._model.memory.value is not None:
            painter = QPainter(self)
            icons.paint(painter, "ram", QRectF(0, self.height() / 2 - 8, 16, 16), "muted")


class _Network(Chip):
    """ "Offline" only while the switch is on; an arrow and the speed while bytes move."""

    def __init__(self, model: StripModel) -> None:
        super().__init__()
        self._model = model
        self.clicked.connect(lambda: model.network_requested.emit(None))
        bind(model.offline, self._show)
        watch(model.traffic, self._show)
        on_language(self._render)

    def _show(self, _: object) -> None:
        self._render()

    def _render(self) -> None:
        offline, traffic = self._model.offline.value, self._model.traffic.value
        if offline:
            text, icon = t("strip.offline"), "offline"
        elif traffic:
            text, icon = t("strip.traffic", speed=quantity.speed(traffic)), "download"
        else:
            text, icon = t("strip.online"), "online"
        self.setText(text)
        self.set_icon(icon)
        self.set_tone("ok" if offline else "muted")
        self.set_name(t("strip.network", state=text))
