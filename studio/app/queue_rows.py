"""Single jobs in the queue's sheet: the running one, one kept from last time, one that has ended."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from studio.app import icons
from studio.app.language import bind_text, on_language
from studio.app.queue_view_model import EndedJob, QueueViewModel
from studio.app.strip import state_words
from studio.app.strip_model import RunningJob, WaitingJob
from studio.app.widgets.button import Button, IconButton
from studio.app.widgets.card import Card
from studio.app.widgets.label import ElidedLabel, Label
from studio.app.widgets.meter import Meter
from studio.domain.job import JobState
from studio.domain.quantity import duration
from studio.domain.text import t

_MARKS = {
    JobState.DONE: ("done", "ok"),
    JobState.FAILED: ("error", "bad"),
    JobState.CANCELLED: ("prohibited", "muted"),
}


class RunningRows(QWidget):
    """A row for each running job, or one that says that there is none. They stay: only their words change."""

    def __init__(self, model: QueueViewModel) -> None:
        super().__init__()
        self._model = model
        self.rows: list[RunningRow] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(8)
        self.show_jobs(())

    def show_jobs(self, jobs: tuple[RunningJob, ...]) -> None:
        shown = jobs or (None,)
        while len(self.rows) < len(shown):
            row = RunningRow(self._model)
            self.rows.append(row)
            self._column.addWidget(row)
        for place, row in enumerate(self.rows):
            row.show_job(shown[place] if place < len(shown) else None)
            row.setVisible(place < len(shown))


class RunningRow(Card):
    """A running job, or that there is none."""

    def __init__(self, model: QueueViewModel) -> None:
        super().__init__(margin=14, spacing=8)
        self._model = model
        self._job: RunningJob | None = None
        self._icon = _Icon("queue", "accent")
        self._title = ElidedLabel(role="strong")
        self._state = ElidedLabel(role="muted")
        self._meter = Meter()
        self.stop = IconButton("stop", "strip.stop", side=34)
        self.stop.clicked.connect(self._stop)
        bind_text(self._meter.setAccessibleName, "queue.progress")
        words = QVBoxLayout()
        words.setSpacing(4)
        words.addWidget(self._title)
        words.addWidget(self._state)
        row = QHBoxLayout()
        row.setSpacing(10)
        row.addWidget(self._icon)
        row.addLayout(words, 1)
        row.addWidget(self.stop)
        self.body.addLayout(row)
        self.body.addWidget(self._meter)
        on_language(self._again)

    def show_job(self, job: RunningJob | None) -> None:
        self._job = job
        self._icon.set(job.icon if job else "queue", "accent" if job else "muted")
        self._title.set_role("strong" if job else "muted")
        self._title.setText(job.title if job else t("strip.idle"))
        self._state.setText(state_words(job) if job else "")
        self._meter.set_value(job.fraction if job else 0.0)
        self.stop.setEnabled(job is not None and not job.stopping)
        for part in (self._state, self._meter, self.stop):
            part.setVisible(job is not None)

    def _again(self) -> None:
        self.show_job(self._job)

    def _stop(self) -> None:
        if self._job is not None:
            self._model.cancel(self._job.id)


class HeldRow(Card):
    """A job from last time: run it, or forget it."""

    def __init__(self, model: QueueViewModel, job: WaitingJob) -> None:
        super().__init__(margin=10)
        self.body.addLayout(
            _line(
                _Icon(job.icon, "muted"),
                job.title,
                _button("play", "queue.resume", job.title, lambda: model.resume(job.id)),
                _button("close", "queue.forget", job.title, lambda: model.forget(job.id)),
            )
        )


class EndedRow(Card):
    """How a job ended; what went wrong and what to do about it."""

    def __init__(self, model: QueueViewModel, job: EndedJob) -> None:
        super().__init__(margin=10, spacing=6)
        mark, tone = _MARKS[job.state]
        buttons = []
        if job.result is not None:
            buttons.append(_button("fit", "queue.open", job.title, lambda: model.open_result(job)))
        if job.state is not JobState.DONE:
            buttons.append(_button("retry", "app.retry", job.title, lambda: model.retry(job.id)))
        buttons.append(_button("close", "queue.forget", job.title, lambda: model.forget(job.id)))
        self.body.addLayout(_line(_Icon(mark, tone), job.title, *buttons))
        if job.failure is not None:
            self._say(job.failure.message, "error")
            self._say(job.failure.hint, "small")
            self._offer(model, job)
        else:
            self._say(_how_it_ended(job), "small")

    def _offer(self, model: QueueViewModel, job: EndedJob) -> None:
        place = job.elsewhere
        if place is None:
            return
        button = Button(kind="secondary")
        button.setText(place.words)
        button.setAccessibleDescription(job.title)
        button.clicked.connect(lambda: model.retry(job.id, place.device))
        row = QHBoxLayout()
        row.setContentsMargins(26, 0, 0, 0)
        row.addWidget(button)
        row.addStretch(1)
        self.body.addLayout(row)

    def _say(self, words: str, role: str) -> None:
        if words:
            label = Label(role=role, wrap=True)
            label.setText(words)
            label.setContentsMargins(26, 0, 0, 0)
            self.body.addWidget(label)


class _Icon(QWidget):
    def __init__(self, name: str, tone: str) -> None:
        super().__init__()
        self._name, self._tone = name, tone
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def set(self, name: str, tone: str) -> None:
        self._name, self._tone = name, tone
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(18, 18)

    def paintEvent(self, _: QPaintEvent) -> None:
        icons.paint(QPainter(self), self._name, QRectF(self.rect()), self._tone)


def _line(icon: QWidget, title: str, *buttons: IconButton) -> QHBoxLayout:
    label = ElidedLabel(role="strong")
    label.setText(title)
    row = QHBoxLayout()
    row.setSpacing(8)
    row.addWidget(icon)
    row.addWidget(label, 1)
    for button in buttons:
        row.addWidget(button)
    return row


def _button(icon: str, key: str, title: str, action: Callable[[], object]) -> IconButton:
    button = IconButton(icon, key, framed=False, side=30)
    button.setAccessibleDescription(title)
    button.clicked.connect(action)
    return button


def _how_it_ended(job: EndedJob) -> str:
    parts = [t(f"queue.state.{job.state}")]
    if job.results > 1:
        parts.append(t("queue.results", count=job.results))
    if job.took is not None and job.state is JobState.DONE:
        parts.append(duration(job.took))
    return "  •  ".join(parts)
