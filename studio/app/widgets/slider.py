"""A slider with its number box: `SliderRow(minimum, maximum, step)`, `value`, `changed`, `entered`.

Wide ranges (a thousandfold and more) move in ratios, so that small values can be reached.
"""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QHBoxLayout, QSlider, QWidget

from studio.app import theme
from studio.app.widgets.number_box import NumberBox
from studio.app.widgets.paint import box

_POSITIONS = 1000
_RADIUS = 8.0


class Slider(QSlider):
    """A horizontal QSlider that is painted from the theme and jumps to where it is pressed."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._ring = False
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)

    def sizeHint(self) -> QSize:
        return QSize(120, 28)

    def minimumSizeHint(self) -> QSize:
        return QSize(60, 28)

    def _share(self) -> float:
        span = self.maximum() - self.minimum()
        return (self.value() - self.minimum()) / span if span else 0.0

    def _jump(self, x: float) -> None:
        room = max(1.0, self.width() - 2 * _RADIUS)
        share = min(max((x - _RADIUS) / room, 0.0), 1.0)
        self.setValue(self.minimum() + round(share * (self.maximum() - self.minimum())))

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.setSliderDown(True)
            self._jump(event.position().x())
            event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.isSliderDown():
            self._jump(event.position().x())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self.setSliderDown(False)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:  # a form is scrolled over its sliders without changing them
            event.ignore()

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._ring = event.reason() in (Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason)
        super().focusInEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._ring = False
        super().focusOutEvent(event)

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        if not self.isEnabled():
            painter.setOpacity(0.5)
        middle = self.height() / 2
        x = _RADIUS + self._share() * (self.width() - 2 * _RADIUS)
        box(painter, QRectF(0, middle - 2, self.width(), 4), theme.color("border"), None, 2)
        box(painter, QRectF(0, middle - 2, x, 4), theme.color("accent"), None, 2)
        hover = self.underMouse() or self.isSliderDown()
        painter.setBrush(theme.color("accent"))
        painter.drawEllipse(QPointF(x, middle), _RADIUS, _RADIUS)
        painter.setBrush(theme.color("surface"))
        painter.drawEllipse(QPointF(x, middle), 3.0 if hover else 4.0, 3.0 if hover else 4.0)
        if self._ring:
            box(painter, QRectF(x - 10, middle - 10, 20, 20), None, theme.color("text"), 10, 2)


class SliderRow(QWidget):
    """Always holds a legal value. A typed text that is none is marked and given to `entered`."""

    changed = Signal(object)
    entered = Signal(str)

    def __init__(
        self, minimum: float, maximum: float, step: float = 1, parent: QWidget | None = None
    ) -> None:
        """Whole numbers when minimum, maximum and step are `int`; else floats."""
        super().__init__(parent)
        self._minimum, self._maximum, self._step = minimum, maximum, step
        self._whole = all(isinstance(number, int) for number in (minimum, maximum, step))
        lowest = max(minimum, step)
        self._ratio = minimum >= 0 and maximum / lowest >= 1000
        self._value: float = minimum
        self.slider = Slider()
        self.box = NumberBox(show=self.text)
        count = round((maximum - minimum) / step)
        self.slider.setRange(0, _POSITIONS if self._ratio else count)
        self.slider.setSingleStep(10 if self._ratio else 1)
        self.slider.setPageStep(max(1, self.slider.maximum() // 10))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(10)
        row.addWidget(self.slider, 1)
        row.addWidget(self.box)
        self.slider.valueChanged.connect(self._slid)
        self.box.entered.connect(self._typed)
        self.box.stepped.connect(self._stepped)
        self.set_value(minimum)

    @property
    def value(self) -> float:
        return self._value

    def set_value(self, value: float) -> None:
        """Show *value*, silently; it is taken to be legal."""
        self._value = value
        self.slider.blockSignals(True)
        self.slider.setValue(self._position(value))
        self.slider.blockSignals(False)
        self.slider.update()
        self.box.set_value(value)

    def setAccessibleName(self, name: str) -> None:
        """Both parts are called so."""
        super().setAccessibleName(name)
        self.slider.setAccessibleName(name)
        self.box.setAccessibleName(name)

    def text(self, value: float) -> str:
        """The number with as many decimals as the step has, more if the value needs them."""
        if self._whole:
            return str(value)
        decimals = max(0, -math.floor(math.log10(self._step) + 1e-9))
        while decimals < 6 and not math.isclose(round(value, decimals), value, abs_tol=1e-9):
            decimals += 1
        return f"{value:.{decimals}f}"

    def _position(self, value: float) -> int:
        if not self._ratio:
            return round((value - self._minimum) / self._step)
        lowest = max(self._minimum, self._step)
        if value <= lowest:
            return 0 if value <= self._minimum else 1
        return round(_POSITIONS * math.log(value / lowest) / math.log(self._maximum / lowest))

    def _at(self, position: int) -> float:
        if not self._ratio:
            return self._legal(self._minimum + position * self._step)
        if position == 0:
            return self._minimum
        lowest = max(self._minimum, self._step)
        value = lowest * (self._maximum / lowest) ** (position / _POSITIONS)
        grain = max(self._step, 10.0 ** (math.floor(math.log10(value)) - 1))  # two digits are enough
        return self._legal(round(value / grain) * grain)

    def _legal(self, value: float) -> float:
        value = min(max(value, self._minimum), self._maximum)
        return round(value) if self._whole else round(value, 9)

    def _slid(self, position: int) -> None:
        self._change(self._at(position))

    def _stepped(self, steps: int) -> None:
        self._change(self._legal(self._value + steps * self._step))

    def _typed(self, text: str) -> None:
        try:
            value = int(text) if self._whole else float(text)
        except ValueError:
            value = math.nan
        if self._minimum <= value <= self._maximum:
            self._change(value)
        else:
            self.box.set_invalid(True)
            self.entered.emit(text)

    def _change(self, value: float) -> None:
        changed = value != self._value
        self.set_value(value)
        if changed:
            self.changed.emit(value)
