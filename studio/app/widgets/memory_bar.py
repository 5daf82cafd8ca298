"""What memory or a disk is made of: a stacked bar with its legend.

bar.set_parts([("UNet", 0.4e9), ...], available)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPainterPath, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from studio.app import fonts, theme
from studio.app.widgets.paint import dot
from studio.domain.quantity import gigabytes

_BAR, _LINE, _GAP = 14, 20, 14
LEAST = 0.05e9  # bytes


class MemoryBar(QWidget):
    """Parts are (words, bytes), drawn against *available* bytes or their own sum, whichever is more.

    *tell* words an amount in the legend, which leaves out what is below *least* bytes.
    """

    def __init__(
        self,
        parent: QWidget | None = None,
        *,
        tell: Callable[[float], str] = gigabytes,
        least: float = LEAST,
    ) -> None:
        super().__init__(parent)
        self._tell, self._least = tell, least
        self._parts: tuple[tuple[str, float], ...] = ()
        self._available = 0.0
        self.setFont(fonts.ui_font(fonts.SMALL))
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def set_parts(self, parts: Sequence[tuple[str, float]], available: float = 0.0) -> None:
        self._parts = tuple(parts)
        self._available = available
        self.setAccessibleName(", ".join(words for words, _ in self._legend()))
        self.updateGeometry()
        self.update()

    def _legend(self) -> list[tuple[str, int]]:
        return [
            (f"{words} {self._tell(size)}", index)
            for index, (words, size) in enumerate(self._parts)
            if size >= self._least
        ]

    def _places(self, width: float) -> list[tuple[QPointF, str, int]]:
        """Where each entry of the legend stands: (left middle of its line, words, part)."""
        metrics = QFontMetricsF(self.font())
        places: list[tuple[QPointF, str, int]] = []
        x, y = 0.0, _BAR + 8 + _LINE / 2
        for words, index in self._legend():
            room = 13 + metrics.horizontalAdvance(words)
            if x > 0 and x + room > width:
                x, y = 0.0, y + _LINE
            places.append((QPointF(x, y), words, index))
            x += room + _GAP
        return places

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        places = self._places(width)
        return round(places[-1][0].y() + _LINE / 2) if places else _BAR

    def sizeHint(self) -> QSize:
        return QSize(240, self.heightForWidth(max(self.width(), 240)))

    def minimumSizeHint(self) -> QSize:
        return QSize(120, self.heightForWidth(max(self.width(), 120)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.updateGeometry()

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        bar = QRectF(0, 0, self.width(), _BAR)
        outline = QPainterPath()
        outline.addRoundedRect(bar, 5, 5)
        painter.save()
        painter.setClipPath(outline)
        painter.fillRect(bar, theme.color("border"))
        total = max(self._available, sum(size for _, size in self._parts)) or 1.0
        x = 0.0
        for index, (_, size) in enumerate(self._parts):
            width = bar.width() * size / total
            painter.fillRect(QRectF(x, 0, width, _BAR), theme.chart_color(index))
            x += width
        painter.restore()
        painter.setFont(self.font())
        for place, words, index in self._places(self.width()):
            dot(painter, place + QPointF(4, 0), theme.chart_color(index))
            painter.setPen(theme.color("muted"))
            line = QRectF(place.x() + 13, place.y() - _LINE / 2, self.width(), _LINE)
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, words)
