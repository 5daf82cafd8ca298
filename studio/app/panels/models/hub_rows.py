"""A row of what a search of the hub found."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from studio.app import fonts, icons, theme
from studio.app.panels.models.words import TASK_ICONS
from studio.app.widgets.paint import RADIUS, box
from studio.domain.remote import Hit
from studio.domain.text import t

HIT = Qt.ItemDataRole.UserRole
HEIGHT = 54

_Index = QModelIndex | QPersistentModelIndex


def facts_of(hit: Hit) -> str:
    """ "Text  •  12,345 downloads a month  •  mit"."""
    facts = [t(f"task.{hit.task}")] if hit.task else []
    facts.append(t("hub.downloads", n=f"{hit.downloads:,}"))
    facts += [hit.licence] if hit.licence else []
    facts += [t("models.gated")] if hit.gated else []
    return "  •  ".join(facts)


class HitRow(QStyledItemDelegate):
    """Its name, and below it what the hub says of it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._name, self._small = fonts.ui_font(fonts.BODY, bold=True), fonts.ui_font(fonts.SMALL)

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        del option, index
        return QSize(200, HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        hit: Hit = index.data(HIT)
        painter.save()
        rect = QRectF(option.rect).adjusted(1, 2, -1, -2)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        if chosen or option.state & QStyle.StateFlag.State_MouseOver:
            box(painter, rect, theme.color("soft_accent" if chosen else "raised"), None, RADIUS)
        icon = TASK_ICONS.get(hit.task, "models")
        icons.paint(painter, icon, QRectF(rect.x() + 12, rect.center().y() - 10, 20, 20), "muted")
        place = QRectF(rect.x() + 46, rect.y() + 6, rect.width() - 58, 20)
        for font, token, words in ((self._name, "text", hit.repo), (self._small, "muted", facts_of(hit))):
            painter.setFont(font)
            painter.setPen(theme.color(token))
            shown = QFontMetricsF(font).elidedText(words, Qt.TextElideMode.ElideRight, place.width())
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, shown)
            place.translate(0, 20)
        painter.restore()
