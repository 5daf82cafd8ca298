"""One thing to try: a task, how fast it is here, an example, and the button that makes it."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout

from studio.app.language import bind_text, on_language
from studio.app.panels.home.viewmodel import HomeModel, Try
from studio.app.speed import speed_words
from studio.app.widgets.button import Button
from studio.app.widgets.card import Card, IconTile
from studio.app.widgets.label import ElidedLabel, Label
from studio.app.widgets.meter import Meter
from studio.domain.job import Job, JobState
from studio.domain.quantity import duration
from studio.domain.text import t


class TryCard(Card):
    """`try_it` runs the example, or stops it while it runs; `go` opens the panel as it is."""

    def __init__(self, model: HomeModel, shown: Try) -> None:
        super().__init__(margin=20, spacing=14)
        self._model, self._shown = model, shown
        self._title = Label(f"home.try.{shown.task}", "title")
        self._speed = ElidedLabel(role="small")
        self._prompt = ElidedLabel(role="body")
        self.meter = Meter(thickness=4)
        policy = self.meter.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.meter.setSizePolicy(policy)
        self.try_it = Button("home.try", "play", "primary")
        self.go = Button(f"panel.{shown.key}")
        self._lay_out(shown.key)
        self.try_it.clicked.connect(self._run)
        self.go.clicked.connect(lambda: model.desk.go(shown.key))
        bind_text(self.setAccessibleName, f"home.try.{shown.task}")
        on_language(self._say)

    def show_try(self, shown: Try) -> None:
        self._shown = shown
        self._say()

    def _lay_out(self, icon: str) -> None:
        names = QVBoxLayout()
        names.setSpacing(1)
        names.addWidget(self._title)
        names.addWidget(self._speed)
        top = QHBoxLayout()
        top.setSpacing(12)
        top.addWidget(IconTile(icon, side=44))
        top.addLayout(names, 1)
        quote = Card(margin=12, spacing=0)
        quote.setProperty("flat", True)
        quote.body.addWidget(self._prompt)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.try_it)
        buttons.addWidget(self.go)
        buttons.addStretch(1)
        below = QVBoxLayout()
        below.setSpacing(6)
        below.addWidget(quote)
        below.addWidget(self.meter)
        self.body.addLayout(top)
        self.body.addLayout(below)
        self.body.addLayout(buttons)

    def _run(self) -> None:
        if self._shown.job is not None:
            self._model.stop(self._shown.task)
        else:
            self._model.run(self._shown.task)

    def _say(self) -> None:
        shown, job = self._shown, self._shown.job
        if shown.entry is None:
            self._speed.setText(t("home.no_model"))
            self._prompt.setText(t("home.no_model.words"))
        else:
            unmeasured = t("fit.unknown") if shown.speed.estimate else ""  # nothing before the studio runs
            self._speed.setText(progress_words(job) if job else speed_words(shown.speed) or unmeasured)
            self._prompt.setText(t("home.quote", words=shown.prompt) if shown.prompt else t("home.no_words"))
        self.meter.setVisible(job is not None)
        if job is not None:
            waiting = job.state is JobState.WAITING
            self.meter.set_value(0.0 if waiting else job.progress.fraction if job.progress else None)
        key = "app.stop" if job else "home.try" if shown.entry else "making.none.get"
        self.try_it.setText(t(key))
        self.try_it.set_icon("stop" if job else "play" if shown.entry else "download")
        self.try_it.set_kind("secondary" if job else "primary")
        self.try_it.setEnabled(job is None or job.state is not JobState.CANCELLING)
        title = t(f"panel.{shown.key}")
        self.try_it.setAccessibleName(t("home.button", what=t(key), title=title))


def progress_words(job: Job) -> str:
    """ "Drawing 14 / 25  •  about 6 s"."""
    if job.state is JobState.WAITING:
        return t("home.waiting")
    if job.state is JobState.CANCELLING:
        return t("strip.stopping")
    progress = job.progress
    if progress is None:
        return t("home.starting")
    phase = t(f"phase.{progress.phase}")
    if progress.steps:
        phase = t("strip.step", phase=phase, step=progress.step, steps=progress.steps)
    if progress.remaining is not None:
        phase += f"  •  {t('strip.about', time=duration(progress.remaining))}"
    return phase
