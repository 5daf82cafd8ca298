"""What the painted widgets share: boxes, focus rings, mixed colours, dots, and plain tooltips."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen
from PySide6.QtWidgets import QWidget

from studio.app import theme

RADIUS = 8.0
CARD_RADIUS = 12.0


def box(
    painter: QPainter,
    rect: QRectF,
    fill: QColor | None = None,
    border: QColor | None = None,
    radius: float = RADIUS,
    width: float = 1.0,
) -> None:
    """A rounded box whose border lies inside *rect*, in whole pixels."""
    inset = width / 2 if border else 0.0
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(border, width) if border else Qt.PenStyle.NoPen)
    painter.setBrush(fill or Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(rect.adjusted(inset, inset, -inset, -inset), radius - inset, radius - inset)


def focus_ring(painter: QPainter, rect: QRectF, radius: float = RADIUS) -> None:
    """Shows where the keyboard is: text-coloured, so that it also stands out on the accent."""
    box(painter, rect, None, theme.color("text"), radius, 2.0)


def dot(painter: QPainter, centre: QPointF, color: QColor, radius: float = 4.0) -> None:
    """A filled circle."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    painter.drawEllipse(centre, radius, radius)


def mix(first: QColor, second: QColor, share: float) -> QColor:
    """*first* with *share* (0..1) of *second* in it."""
    return QColor.fromRgbF(
        first.redF() + (second.redF() - first.redF()) * share,
        first.greenF() + (second.greenF() - first.greenF()) * share,
        first.blueF() + (second.blueF() - first.blueF()) * share,
        first.alphaF() + (second.alphaF() - first.alphaF()) * share,
    )


def set_tooltip(widget: QWidget, text: str) -> None:
    """A tooltip that shows *text* as it stands: Qt takes anything with a tag in it for HTML."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    widget.setToolTip(f'<span style="white-space: pre-wrap">{escaped}</span>' if text else "")
