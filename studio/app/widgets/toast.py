"""A short word at the bottom of the window that goes by itself: `ToastHost(window).show_toast("Copied")`."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QRectF, QTimer
from PySide6.QtGui import QEnterEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from studio.app import icons, theme
from studio.app.widgets.announce import announce
from studio.app.widgets.button import Button
from studio.app.widgets.label import ElidedLabel
from studio.app.widgets.paint import CARD_RADIUS, box

_SHORT_MS, _WITH_ACTION_MS = 4_000, 10_000
_FROM_SIDE = 8
_FROM_BOTTOM = 14  # over the strip: what one is working on stays in view


class ToastHost(QWidget):
    """Lies over *window*; one toast at a time, the next replaces it. It stays while the mouse is on it."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._icon = "done"
        self._action: Callable[[], object] | None = None
        self._label = ElidedLabel(role="strong")
        self._button = Button(kind="quiet")
        self._button.clicked.connect(self._act)
        row = QHBoxLayout(self)
        row.setContentsMargins(44, 6, 10, 6)
        row.addWidget(self._label)
        row.addWidget(self._button)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.hide)
        window.installEventFilter(self)
        self.hide()

    def show_toast(
        self, text: str, icon: str = "done", button: str = "", action: Callable[[], object] | None = None
    ) -> None:
        """*text* and *button* (such as "Undo") are in the user's language."""
        self._icon, self._action = icon, action
        self._label.setText(text)
        self._button.setText(button)
        self._button.setVisible(bool(button))
        self.setMinimumHeight(48)
        self._place()
        self.show()
        self.raise_()
        self._timer.start(_WITH_ACTION_MS if button else _SHORT_MS)
        announce(self, text)

    def withdraw(self, action: Callable[[], object]) -> None:
        """Hide what offers *action*: it is done already."""
        if self._action == action:
            self._action = None
            self.hide()

    def _place(self) -> None:
        window = self.parentWidget()
        if window is not None:
            self.resize(
                min(self.sizeHint().width(), window.width() - 2 * _FROM_SIDE), self.sizeHint().height()
            )
            x = (window.width() - self.width()) // 2
            self.move(x, window.height() - self.height() - _FROM_BOTTOM)

    def _act(self) -> None:
        self.hide()
        if self._action is not None:
            self._action()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self._place()
        return super().eventFilter(watched, event)

    def enterEvent(self, event: QEnterEvent) -> None:
        self._timer.stop()
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self._timer.start(_SHORT_MS)
        super().leaveEvent(event)

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        rect = QRectF(self.rect())
        box(painter, rect, theme.color("raised"), theme.color("muted"), CARD_RADIUS)
        icons.paint(painter, self._icon, QRectF(16, rect.center().y() - 9, 18, 18), "accent")
