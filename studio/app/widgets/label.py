"""Text on the window: always plain, whatever stands in it.

Label(key, role)      role: body, strong, label, small, muted, title, heading, error
ElidedLabel(...)      one line, shortened with an ellipsis; the whole in the tooltip
"""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from studio.app.language import bind_text
from studio.app.widgets.paint import set_tooltip


class Label(QLabel):
    """Give *key* (with its values) for words of the catalogue, or `setText` for text from elsewhere."""

    def __init__(
        self,
        key: str = "",
        role: str = "body",
        parent: QWidget | None = None,
        *,
        wrap: bool = False,
        **values: Any,
    ) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setProperty("role", role)
        self.setWordWrap(wrap)
        if key:
            bind_text(self.setText, key, **values)

    def set_role(self, role: str) -> None:
        if role != self.property("role"):
            self.setProperty("role", role)
            if not self.testAttribute(Qt.WidgetAttribute.WA_WState_Polished):
                return  # its first showing will see the new role
            self.style().unpolish(self)
            self.style().polish(self)


class ElidedLabel(Label):
    """One line that is never wider than its place."""

    def __init__(
        self,
        key: str = "",
        role: str = "body",
        parent: QWidget | None = None,
        *,
        middle: bool = False,
        **values: Any,
    ) -> None:
        """*middle*: shorten in the middle, for paths and file names."""
        self._mode = Qt.TextElideMode.ElideMiddle if middle else Qt.TextElideMode.ElideRight
        super().__init__(key, role, parent, **values)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def setText(self, text: str) -> None:
        super().setText(" ".join(text.split()))
        self._update_tooltip()

    def minimumSizeHint(self) -> QSize:
        return QSize(self.fontMetrics().averageCharWidth() * 4, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._update_tooltip()

    def shown_text(self) -> str:
        return self.fontMetrics().elidedText(self.text(), self._mode, self.contentsRect().width())

    def _update_tooltip(self) -> None:
        set_tooltip(self, self.text() if self.shown_text() != self.text() else "")

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.setFont(self.font())
        rect: QRect = self.contentsRect()
        painter.drawText(rect, int(self.alignment() | Qt.AlignmentFlag.AlignVCenter), self.shown_text())
