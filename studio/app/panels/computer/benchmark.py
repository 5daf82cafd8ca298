"""How fast this computer is: the micro-benchmark, offered, running, and what it found in plain words."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from studio.app.language import on_language
from studio.app.observable import watch
from studio.app.panels.computer.parts import facts_grid, put_facts, titled
from studio.app.panels.computer.viewmodel import ComputerModel
from studio.app.widgets.button import Button
from studio.app.widgets.label import Label
from studio.app.widgets.meter import Meter
from studio.domain.measurement import BUSY, Measurements, Setting
from studio.domain.text import t
from studio.services.measuring import End, MeasuringState


class Benchmark(QWidget):
    def __init__(self, model: ComputerModel) -> None:
        super().__init__()
        self._model = model
        self._when = Label(role="muted", wrap=True)
        self._facts = facts_grid()
        self._note = Label(role="small", wrap=True)
        self._progress = QWidget()
        self._section = Label(role="label")
        self.meter = Meter()
        self.start = Button("computer.measure", "gauge", "primary")
        self.stop = Button("computer.measure.stop", "stop")
        self._lay_out()
        self.start.clicked.connect(model.measure)
        self.stop.clicked.connect(model.stop_measuring)
        watch(model.measuring, self._show)
        watch(model.measured, self._show)
        watch(model.outdated, self._show)
        on_language(self._say)

    def _lay_out(self) -> None:
        running = QVBoxLayout(self._progress)
        running.setContentsMargins(0, 0, 0, 0)
        running.setSpacing(8)
        running.addWidget(self._section)
        running.addWidget(self.meter)
        buttons = QHBoxLayout()
        buttons.addWidget(self.start)
        buttons.addWidget(self.stop)
        buttons.addStretch(1)
        column = QVBoxLayout()
        column.setSpacing(12)
        column.addWidget(self._when)
        column.addLayout(self._facts)
        column.addWidget(self._note)
        column.addWidget(self._progress)
        column.addLayout(buttons)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.addWidget(titled("clock", "computer.benchmark", column))

    def _say(self) -> None:
        self._show(None)

    def _show(self, _: object) -> None:
        state, found = self._model.measuring.value, self._model.measured.value
        self._when.setText(_when(found, outdated=self._model.outdated.value))
        put_facts(self._facts, [] if found is None or state.running else _facts(found))
        notes = [_ending(state, found)] if not state.running else []
        if found is not None and not state.running:
            notes += _notes(found)
        self._note.setText("\n".join(filter(None, notes)))
        self._note.setVisible(any(notes))
        self._progress.setVisible(state.running)
        self._section.setText(t(f"bench.section.{state.section}"))
        self.meter.set_value(state.fraction if state.running else 0.0)
        self.meter.setAccessibleName(self._section.text())
        self.start.setVisible(not state.running)
        self.start.setText(t("computer.measure" if found is None else "computer.measure.again"))
        again = found is None or found.doubtful or self._model.outdated.value
        self.start.set_kind("primary" if again else "secondary")
        self.stop.setVisible(state.running)


def _when(found: Measurements | None, *, outdated: bool) -> str:
    if found is None:
        return t("computer.benchmark.never")
    day = datetime.fromtimestamp(found.taken).astimezone().strftime("%Y-%m-%d %H:%M")
    return t("computer.benchmark.old" if outdated else "computer.benchmark.when", date=day)


def _facts(found: Measurements) -> list[tuple[str, str]]:
    speeds = ", ".join(f"{kind} {_gigaflops(rate)}" for kind, rate in found.matmul.items())
    disk = f"{found.disk_read / 1e9:.1f} GB/s" if found.disk_read else ""
    if disk and (found.details.get("disk") or {}).get("cached"):
        disk = t("computer.benchmark.cached", speed=disk)
    return [
        ("computer.benchmark.device", f"{found.name} ({found.device})"),
        ("computer.benchmark.matrices", f"{speeds} GFLOP/s" if speeds else ""),
        ("computer.benchmark.memory", f"{found.memory_bandwidth / 1e9:.1f} GB/s"),
        ("computer.benchmark.disk", disk),
        ("computer.benchmark.best", _setting(found.best)),
    ]


def _gigaflops(multiply_adds: float) -> str:
    """Billion operations a second: a multiplication and an addition each."""
    return f"{2 * multiply_adds / 1e9:,.0f}"


def _setting(setting: Setting) -> str:
    words = [setting.precision, t("computer.benchmark.threads", n=setting.threads)]
    if setting.channels_last:
        words.append(t("computer.benchmark.channels_last"))
    return "  •  ".join(words)


def _notes(found: Measurements) -> list[str]:
    return [
        t("computer.benchmark.throttled") if found.throttled else "",
        t("computer.benchmark.busy", percent=round(100 * found.others)) if found.others > BUSY else "",
    ]


def _ending(state: MeasuringState, found: Measurements | None) -> str:
    """*found*: what is kept."""
    if state.end is End.DOUBTFUL and found is not None and not found.doubtful:
        return t("computer.measure.kept")
    if state.end is End.FAILED and state.failure is not None:
        return f"{state.failure.message} {state.failure.hint}".strip()
    if state.end in (End.STOPPED, End.JOB):
        return t(f"computer.measure.{state.end}")
    return ""
