"""What this computer can do: a line for each model that is here, measured if it ever ran, else predicted."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QWidget

from studio.app.fit import TONES, fit_words
from studio.app.language import on_language
from studio.app.observable import bind
from studio.app.panels.home.machine import machine_words
from studio.app.panels.home.measure import MeasureRow
from studio.app.panels.home.viewmodel import Ability, HomeModel
from studio.app.speed import Speed, speed_words
from studio.app.widgets.card import Card, Separator
from studio.app.widgets.label import ElidedLabel, Label
from studio.app.widgets.status import StatusLine
from studio.domain.ability import Verdict
from studio.domain.machine import Machine
from studio.domain.plan import Fit
from studio.domain.text import localized, t

VERDICTS = {Verdict.COMFORTABLE: "ok", Verdict.SLOW: "warning", Verdict.NOT_POSSIBLE: "bad"}


def judged(speed: Speed) -> tuple[str, str]:
    """Tone and word: from its speed, measured or predicted, else from whether it will fit."""
    if (verdict := speed.verdict) is not None:
        return VERDICTS[verdict], t(verdict.key)
    if speed.estimate is None:
        return TONES[Fit.UNKNOWN], ""
    return TONES[speed.estimate.fit], t(f"fit.{speed.estimate.fit}")


class Row(QWidget):
    """A dot and what it is, the figure, the word."""

    def __init__(self, ability: Ability) -> None:
        super().__init__()
        self._ability = ability
        self._name = StatusLine(pixels=14)
        self._figure = ElidedLabel(role="muted")
        self._word = Label(role="strong")
        self._word.setMinimumWidth(84)  # so that the figures stand below each other
        self._word.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 7, 0, 7)
        line.setSpacing(12)
        line.addWidget(self._name, 6)
        line.addWidget(self._figure, 5)
        line.addWidget(self._word)
        on_language(self._say)

    def _say(self) -> None:
        ability, speed = self._ability, self._ability.speed
        name = t(f"panel.{ability.key}")
        if ability.entry is None:
            self._name.set("muted", name)
            self._figure.setText(t("home.no_model"))
            self._word.setText("")
            return
        tone, word = judged(speed)
        self._name.set(tone, f"{name}  •  {localized(ability.entry.model.title)}")
        self._figure.setText(speed_words(speed) or fit_words(speed.estimate).partition("  •  ")[2])
        self._word.setText(word)


class Abilities(Card):
    """The table with the computer's own facts above it."""

    def __init__(self, model: HomeModel) -> None:
        super().__init__(margin=20, spacing=0)
        self._model = model
        self._machine = ElidedLabel(role="small")
        self._note = Label(role="small", wrap=True)
        self.measure = MeasureRow(model.desk)
        self._rows = QGridLayout()
        self._rows.setSpacing(0)
        self._shown: tuple[Ability, ...] = ()
        top = QHBoxLayout()
        top.addWidget(Label("home.abilities", "title"))
        top.addStretch(1)
        top.addWidget(self._machine)
        self.body.addLayout(top)
        self.body.addSpacing(10)
        self.body.addLayout(self._rows)
        self.body.addSpacing(10)
        self.body.addWidget(self._note)
        self.body.addWidget(self.measure)
        self.body.addStretch(1)
        bind(model.abilities, self._show)
        bind(model.machine, self._show_machine)
        on_language(self._say)

    def close_down(self) -> None:
        self.measure.close_down()

    def _show(self, abilities: tuple[Ability, ...]) -> None:
        if abilities == self._shown:
            return
        self._shown = abilities
        while (item := self._rows.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        for index, ability in enumerate(abilities):
            self._rows.addWidget(Separator(), 2 * index, 0)
            self._rows.addWidget(Row(ability), 2 * index + 1, 0)
        self._say()

    def _show_machine(self, machine: Machine | None) -> None:
        self._machine.setText(machine_words(machine))

    def _say(self) -> None:
        self._show_machine(self._model.machine.value)
        rows = [ability for ability in self._shown if ability.entry is not None]
        measured = sum(ability.speed.measured for ability in rows)
        known = any(ability.speed.pace is not None for ability in rows)
        key = "all" if rows and measured == len(rows) else "some" if known else "none"
        self._note.setText(t(f"home.measured.{key}"))
