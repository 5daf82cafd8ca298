"""What this computer can do: a line for each task, with the best model for it and a way to it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from studio.app.language import on_language
from studio.app.observable import watch
from studio.app.panels.computer.parts import clear, titled
from studio.app.panels.computer.viewmodel import ComputerModel
from studio.app.widgets.button import Button
from studio.app.widgets.card import Separator
from studio.app.widgets.label import ElidedLabel, Label
from studio.app.widgets.status import StatusLine
from studio.domain.ability import Ability, Verdict, figure
from studio.domain.text import localized, t

TONES = {Verdict.COMFORTABLE: "ok", Verdict.SLOW: "warning", Verdict.NOT_POSSIBLE: "bad"}


class Able(QWidget):
    def __init__(self, model: ComputerModel) -> None:
        super().__init__()
        self._model = model
        self._rows = QGridLayout()
        self._rows.setHorizontalSpacing(16)
        self._rows.setVerticalSpacing(9)
        self._rows.setColumnStretch(1, 1)
        self._note = Label(role="small", wrap=True)
        column = QVBoxLayout()
        column.setSpacing(12)
        column.addLayout(self._rows)
        column.addWidget(self._note)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(titled("gauge", "computer.able", column))
        watch(model.abilities, self._show)
        on_language(self._say)

    def _say(self) -> None:
        self._show(self._model.abilities.value)

    def _show(self, abilities: tuple[Ability, ...]) -> None:
        clear(self._rows)
        for index, ability in enumerate(abilities):
            row = 2 * index
            if index:
                self._rows.addWidget(Separator(), row - 1, 0, 1, 3)
            self._rows.addWidget(_verdict(ability), row, 0)
            self._rows.addLayout(_model(ability), row, 1)
            self._rows.addWidget(self._button(ability), row, 2, Qt.AlignmentFlag.AlignRight)
        guessed = any(ability.best.seconds is None for ability in abilities)
        measured = any(ability.best.seconds is not None for ability in abilities)
        note = "predicted" if not guessed else "mixed" if measured else "guessed"
        self._note.setText(t(f"computer.able.{note}"))

    def _button(self, ability: Ability) -> Button:
        key = self._model.panel_of(ability.task)
        if ability.best.installed:
            button = Button(f"panel.{key}", key)
            button.clicked.connect(lambda: self._model.desk.go(key))
        else:
            button = Button("computer.able.get", "models")
            button.clicked.connect(lambda: self._model.desk.go("models"))
        title = localized(ability.best.model.title)
        button.setAccessibleName(t("computer.able.open", task=t(f"task.{ability.task}"), title=title))
        return button


def _verdict(ability: Ability) -> StatusLine:
    line = StatusLine(pixels=14)
    line.set(TONES[ability.verdict], f"{t(f'task.{ability.task}')}  •  {t(ability.verdict.key)}")
    line.setMinimumWidth(line.sizeHint().width())
    return line


def _model(ability: Ability) -> QHBoxLayout:
    title, words = ElidedLabel(role="strong"), ElidedLabel(role="muted")
    title.setText(localized(ability.best.model.title))
    words.setText(figure(ability.best))
    lines = QVBoxLayout()
    lines.setSpacing(0)
    lines.addWidget(title)
    lines.addWidget(words)
    row = QHBoxLayout()
    row.addLayout(lines, 1)
    return row
