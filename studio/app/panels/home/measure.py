"""Offers to measure this computer where that was never done, so that times can be predicted."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from studio.app.desk import Desk
from studio.app.language import on_language
from studio.app.widgets.button import Button
from studio.app.widgets.label import Label
from studio.app.widgets.meter import Meter
from studio.domain.machine import preferred
from studio.domain.text import t


class MeasureRow(QWidget):
    """Not to be seen before the studio has looked at the computer, while something is fetched (the figures
    would be worse), and once there are measurements.
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._words = Label(role="small", wrap=True)
        self._meter = Meter(thickness=4)
        self.button = Button("home.measure.start", "gauge")
        self._ends: list[Callable[[], None]] = []
        words = QVBoxLayout()
        words.setSpacing(6)
        words.addWidget(self._words)
        words.addWidget(self._meter)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 12, 0, 0)
        row.setSpacing(12)
        row.addLayout(words, 1)
        row.addWidget(self.button)
        self.button.clicked.connect(self._act)
        self.hide()
        desk.when_open(self._attend)

    def close_down(self) -> None:
        for end in self._ends:
            end()
        self._ends.clear()

    def _attend(self) -> None:
        studio = self._desk.studio
        self._ends = [
            studio.measuring.changed.connect(lambda _: self._show()),
            studio.planner.changed.connect(lambda _: self._show()),
            studio.downloads.changed.connect(lambda _: self._show()),
        ]
        on_language(self._show)

    def _wanted(self) -> bool:
        studio = self._desk.studio
        machine = studio.machine
        if machine is None or any(not state.state.ended for state in studio.downloads.states.values()):
            return False
        card = preferred(machine)
        return studio.measurements.load(card.device if card and card.device else "cpu", machine) is None

    def _show(self) -> None:
        if not self._ends:
            return
        state = self._desk.studio.measuring.state
        self.setVisible(state.running or self._wanted())
        self._meter.setVisible(state.running)
        self._meter.set_value(state.fraction)
        section = t(f"bench.section.{state.section}")
        self._words.setText(
            t("home.measure.running", section=section) if state.running else t("home.measure")
        )
        self.button.setText(t("home.measure.stop" if state.running else "home.measure.start"))
        self.button.set_icon("stop" if state.running else "gauge")

    def _act(self) -> None:
        measuring = self._desk.studio.measuring
        if measuring.state.running:
            measuring.stop()
        else:
            measuring.start()
