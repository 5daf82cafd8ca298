"""What stands behind the fit line: the plan in words, its memory and time in parts, and what would fit.

It lies over the panel, above the line that opened it, and follows every change of a field.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QVBoxLayout, QWidget

from studio.app import plan_words, theme
from studio.app.fit import TONES
from studio.app.language import bind_text, on_language
from studio.app.making import Making
from studio.app.observable import watch
from studio.app.widgets.button import Button, IconButton
from studio.app.widgets.card import Separator
from studio.app.widgets.label import Label
from studio.app.widgets.memory_bar import MemoryBar
from studio.app.widgets.paint import CARD_RADIUS, box
from studio.app.widgets.scroll import ScrollColumn
from studio.app.widgets.sheet import Sheet
from studio.app.widgets.status import FitLine, StatusLine
from studio.domain.family import FamilySpec
from studio.domain.job import Outcome
from studio.domain.plan import Estimate, Planned, Plans
from studio.domain.planning.words import loaded
from studio.domain.quantity import duration, gigabytes
from studio.domain.text import t

WIDTH = 460
GAP = 8  # pixels over the line, and to the panel's edge
OTHERS = 4  # other plans that are told
NOTED = 0.95  # of the memory of the one before: less of a difference is none


def open_on_click(line: FitLine, panel: QWidget, making: Making) -> None:
    """A click on *line* shows the sheet over *panel*, the next one hides it. It is made at the first."""
    made: list[PlanSheet] = []

    def toggle() -> None:
        if not made:
            made.append(PlanSheet(panel, making, line))
        made[0].toggle()

    line.clicked.connect(toggle)


class PlanSheet(Sheet):
    """Esc and the cross close it, and give the keyboard back to the line."""

    def __init__(self, panel: QWidget, making: Making, line: FitLine) -> None:
        super().__init__(panel)
        self._making, self._line = making, line
        bind_text(self.setAccessibleName, "plan.title")
        self.close_button = IconButton("close", "app.dismiss", framed=False, side=30)
        self.verdict = StatusLine(pixels=14)
        self._total = Label(role="muted")
        self._bar = MemoryBar()
        self._how, self._time, self._last, self._others = (_grid() for _ in range(4))
        self._nearest = QVBoxLayout()
        self._sections: dict[str, QWidget] = {}
        self._scroll = ScrollColumn(margins=(18, 4, 18, 16), spacing=14, surface=True)
        self._lay_out()
        self.close_button.clicked.connect(self.close_sheet)
        watch(making.estimate, self._changed)
        watch(making.job, self._changed)
        on_language(self._show)
        self.hide()

    # --- shown and hidden -----------------------------------------------------------------------

    def toggle(self) -> None:
        if self.isVisible():
            self.close_sheet()
        else:
            self.show()
            self._show()
            self.raise_()
            self.close_button.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def close_sheet(self) -> None:
        self.hide()
        self._line.setFocus()

    # --- how it is put together -----------------------------------------------------------------

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setContentsMargins(18, 0, 8, 0)
        top.addWidget(Label("plan.title", "title"), 1)
        top.addWidget(self.close_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(1, 8, 1, 8)
        column.setSpacing(2)
        column.addLayout(top)
        column.addWidget(self._scroll, 1)
        memory = QVBoxLayout()
        memory.setSpacing(8)
        memory.addWidget(self._bar)
        body = self._scroll.body
        body.addWidget(self.verdict)
        self._nearest.setSpacing(6)
        self._add("fits", "plan.nearest", self._nearest)
        self._add("memory", "fit.memory.title", memory, self._total)
        self._add("how", "plan.how", self._how)
        self._add("time", "plan.time", self._time)
        self._add("last", "plan.last", self._last)
        self._add("others", "plan.others", self._others)
        body.addStretch(1)

    def _add(self, key: str, title: str, content: Any, right: QWidget | None = None) -> None:
        section = QWidget()
        column = QVBoxLayout(section)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        top = QHBoxLayout()
        top.addWidget(Label(title, "strong"), 1)
        if right is not None:
            top.addWidget(right)
        column.addWidget(Separator())
        column.addLayout(top)
        column.addLayout(content)
        self._sections[key] = section
        self._scroll.body.addWidget(section)

    # --- showing --------------------------------------------------------------------------------

    def _changed(self, _: object) -> None:
        if self.isVisible():
            self._show()

    def _show(self) -> None:
        if not self.isVisible():
            return
        making = self._making
        estimate, request, spec = making.estimate.value, making.wanted(), making.spec
        if estimate is None or request is None or spec is None:
            self.hide()
            return
        plans = making.studio.planner.plans(request, spec)
        self._show_memory(estimate)
        self._show_plans(plans, estimate, spec)
        nearest = making.studio.planner.nearest(request, spec) if plans and not plans.fits else []
        self._show_nearest(nearest)
        self._show_last()
        self.place()

    def _show_memory(self, estimate: Estimate) -> None:
        self._sections["memory"].setVisible(estimate.memory is not None)
        if estimate.memory is None:
            return
        low, mid, high = (gigabytes(end) for end in _ends(estimate))
        self._total.setText(t("fit.memory.span", mid=mid, low=low, high=high))
        parts = [(t(f"fit.part.{name}"), float(size)) for name, size in estimate.parts.items()]
        self._bar.set_parts(parts, float(estimate.available_bytes))

    def _show_plans(self, plans: Plans | None, estimate: Estimate, spec: FamilySpec) -> None:
        best = plans.plans[0] if plans is not None and plans.plans else None
        words = plan_words.reason(plans) if plans is not None else t("plan.by_size")
        self.verdict.set(TONES[estimate.fit], words)
        _fill(self._how, plan_words.how(best.plan, spec) if best else [])
        self._sections["how"].setVisible(best is not None)
        _fill(self._time, _times(best, estimate))
        others = _others(plans, spec) if plans is not None else []
        _fill(self._others, others)
        self._sections["others"].setVisible(bool(others))

    def _show_nearest(self, nearest: list[tuple[dict[str, Any], Planned]]) -> None:
        _clear(self._nearest)
        self._sections["fits"].setVisible(bool(nearest))
        spec = self._making.spec
        for change, planned in nearest if spec else []:
            words = f"{plan_words.change_words(change, spec)}  •  {plan_words.takes(planned)}"
            button = Button(icon="check")
            button.setText(words)
            button.clicked.connect(partial(self._take, change))
            self._nearest.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)
            button.show()

    def _take(self, change: dict[str, Any]) -> None:
        """Set the fields as *change* says."""
        for name, value in change.items():
            self._making.form.set(name, value)
        self.close_button.setFocus(Qt.FocusReason.OtherFocusReason)  # the button that was pressed goes

    def _show_last(self) -> None:
        job, promised = self._making.job.value, self._making.promised
        outcome = job.outcome if job is not None else None
        self._sections["last"].setVisible(outcome is not None and promised is not None)
        if outcome is not None and promised is not None:
            _fill(self._last, _compared(outcome, promised))

    # --- where it is ----------------------------------------------------------------------------

    def place(self) -> None:
        panel = self.parentWidget()
        if panel is None:
            return
        corner = self._line.mapTo(panel, QPoint(self._line.width(), 0))
        inner = self._scroll.widget()
        inner.layout().activate()
        wanted = inner.heightForWidth(WIDTH - 2) if inner.hasHeightForWidth() else inner.sizeHint().height()
        height = min(wanted + 54, corner.y() - 2 * GAP)
        # A bar that was there before would take the width for which all had room, and so stay.
        policy = Qt.ScrollBarPolicy
        bar = policy.ScrollBarAsNeeded if height < wanted + 54 else policy.ScrollBarAlwaysOff
        self._scroll.setVerticalScrollBarPolicy(bar)
        left = max(GAP, min(corner.x() - WIDTH, panel.width() - WIDTH - GAP))
        self.setGeometry(left, corner.y() - GAP - height, WIDTH, height)

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        box(painter, QRectF(self.rect()), theme.color("surface"), theme.color("muted", 0.5), CARD_RADIUS)


def _ends(estimate: Estimate) -> tuple[float, float, float]:
    assert estimate.memory is not None
    return estimate.memory.low, estimate.memory.mid, estimate.memory.high


def _times(best: Planned | None, estimate: Estimate) -> list[tuple[str, str]]:
    """Each phase that takes a second or more than a hundredth of the whole, and the whole."""
    if best is not None and best.prediction.seconds is not None:
        phases, whole = best.prediction.phases, best.prediction.seconds
        told = [(t(f"phase.{name}"), took) for name, took in phases.items() if took > 0.01 * whole.mid]
        rows = [(name, _short_time(took)) for name, took in told]
        doubts = [(t("plan.doubtful"), "")] if best.doubtful else []
        return [*rows, (_whole(best), plan_words.span_words(whole)), *doubts]
    if estimate.seconds is not None:
        return [(_whole(estimate), plan_words.span_words(estimate.seconds))]
    return [(t("plan.whole"), t("plan.unmeasured"))]


def _whole(known: Planned | Estimate) -> str:
    return t("plan.whole.most" if known.most else "plan.whole")


def _short_time(seconds: float) -> str:
    if seconds < 0.05:
        return t("plan.moment")
    return t("time.seconds", n=f"{seconds:.1f}") if seconds < 10 else duration(seconds)


def _compared(outcome: Outcome, promised: Estimate) -> list[tuple[str, str]]:
    """What the last run took, and what had been told before it."""
    took = outcome.timings.get("total", 0.0)
    rows: list[tuple[str, str]] = []
    if promised.seconds is not None:
        values = {"real": _short_time(took), "told": _short_time(promised.seconds.mid)}
        words = t("plan.last.most" if promised.most else "plan.last.compared", **values)
        rows.append((t("plan.last.time"), words))
    else:
        rows.append((t("plan.last.time"), _short_time(took)))
    peak = outcome.peak.vram_bytes or outcome.peak.ram_bytes
    if promised.memory is not None:
        values = {"real": f"{gigabytes(peak)} GB", "told": f"{gigabytes(promised.memory.mid)} GB"}
        rows.append((t("plan.last.memory"), t("plan.last.compared", **values)))
    if outcome.loaded is not None:
        rows += loaded(outcome.loaded)
    return rows


def _others(plans: Plans, spec: FamilySpec) -> list[tuple[str, str]]:
    """How, and what it takes: those that need less memory than all that are better."""
    best = plans.plans[0]
    told: list[Planned] = [best]
    for each in plans.plans[1:]:
        if each.memory.mid < NOTED * told[-1].memory.mid:
            told.append(each)
    return [
        (plan_words.short(each.plan, best.plan, spec), plan_words.takes(each))
        for each in told[1 : 1 + OTHERS]
    ]


def _grid() -> QGridLayout:
    grid = QGridLayout()
    grid.setHorizontalSpacing(16)
    grid.setVerticalSpacing(6)
    grid.setColumnStretch(0, 1)
    return grid


def _fill(grid: QGridLayout, rows: list[tuple[str, str]]) -> None:
    """Names (or their keys) at the left, figures at the right."""
    _clear(grid)
    for row, (name, figure) in enumerate(rows):
        left, right = Label(role="muted", wrap=True), Label(role="label")
        left.setText(t(name))
        right.setText(figure)
        grid.addWidget(left, row, 0)
        grid.addWidget(right, row, 1, Qt.AlignmentFlag.AlignRight)
        for label in (left, right):
            label.show()  # now: what is not shown has no height yet


def _clear(layout: QGridLayout | QVBoxLayout) -> None:
    while (item := layout.takeAt(0)) is not None:
        if (widget := item.widget()) is not None:
            widget.hide()
            widget.deleteLater()
