"""A column that scrolls when its place is too small: put things into `body`."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget


class ScrollColumn(QScrollArea):
    """Never scrolls sideways: it asks for the width of what is in it.

    *margins*: left, top, right, bottom. The bar takes its room from the right margin, so that its
    coming and going moves nothing. It paints its ground, the window's or with *surface* that of a
    raised area: only what hides all behind it is moved when it scrolls, and not painted anew.
    """

    def __init__(
        self,
        parent: QWidget | None = None,
        *,
        margins: tuple[int, int, int, int] = (0, 0, 0, 0),
        spacing: int = 12,
        surface: bool = False,
    ) -> None:
        super().__init__(parent)
        self._margins = margins
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        holder = QWidget()
        holder.setAutoFillBackground(True)
        holder.setBackgroundRole(QPalette.ColorRole.Base if surface else QPalette.ColorRole.Window)
        self.body = QVBoxLayout(holder)
        self.body.setContentsMargins(*margins)
        self.body.setSpacing(spacing)
        self.setWidget(holder)
        holder.installEventFilter(self)
        self.verticalScrollBar().rangeChanged.connect(self._keep_width)

    def _keep_width(self, _: int, maximum: int) -> None:
        left, top, right, bottom = self._margins
        bar = self.verticalScrollBar().sizeHint().width() if maximum else 0
        self.body.setContentsMargins(left, top, max(0, right - bar), bottom)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().eventFilter(watched, event)

    def minimumSizeHint(self) -> QSize:
        holder = self.widget()
        width = holder.minimumSizeHint().width() if holder else 0
        return QSize(width, 80)
