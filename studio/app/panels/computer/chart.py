"""The last minute of figures as filled lines, by pyqtgraph. Import this late: that is heavy."""

from __future__ import annotations

from collections.abc import Sequence

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QWidget

from studio.app import theme
from studio.app.observable import watch
from studio.app.theme import Tokens

HEIGHT = 64
LINE = 1.6  # pixels


class Chart(pg.PlotWidget):
    """*tones*: a token of the theme for each line, the first one filled. *seconds* that it is wide."""

    def __init__(self, tones: Sequence[str], seconds: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tones = tuple(tones)
        self._seconds = seconds
        self.setFixedHeight(HEIGHT)
        self.setMinimumWidth(60)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # it only shows
        self.viewport().setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAntialiasing(True)
        plot = self.getPlotItem()
        plot.hideAxis("left")
        plot.hideAxis("bottom")
        plot.hideButtons()
        plot.setMenuEnabled(False)
        plot.setContentsMargins(0, 0, 0, 0)
        plot.getViewBox().setDefaultPadding(0.0)
        plot.setXRange(1 - seconds, 0, padding=0)
        self._ground = pg.InfiniteLine(0, angle=0)
        plot.addItem(self._ground)
        self._lines = [plot.plot(fillLevel=0 if index == 0 else None) for index in range(len(self._tones))]
        self._paint(theme.current.value)
        watch(theme.current, self._paint)

    def set_lines(self, lines: Sequence[Sequence[float]], most: float) -> None:
        """Readings a second apart, the newest last, drawn against 0..*most*."""
        self.setYRange(0, most, padding=0.04)
        for line, values in zip(self._lines, lines, strict=True):
            line.setData(range(1 - len(values), 1), list(values))

    def _paint(self, _: Tokens) -> None:
        self.setBackground(theme.color("surface"))
        self._ground.setPen(pg.mkPen(theme.color("border"), width=1))
        for line, tone in zip(self._lines, self._tones, strict=True):
            line.setPen(pg.mkPen(theme.color(tone), width=LINE))
            if line is self._lines[0]:
                line.setBrush(pg.mkBrush(theme.color(tone, 0.16)))
