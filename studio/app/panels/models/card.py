"""Paints one card: its family's colour, what it is, what it allows, and whether it runs here."""

from __future__ import annotations

import hashlib
from typing import Any

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QLinearGradient, QPainter, QPainterPath, QPixmap, QTextLayout
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from studio.app import fonts, icons, theme
from studio.app.download_bar import download_words, fraction
from studio.app.licences import TONES as LICENCE_TONES
from studio.app.panels.models.state import ModelState, source_of
from studio.app.panels.models.words import icon_of, short_speed_line, size_words, tasks_of
from studio.app.widgets.chips import paint_pill, pill_size
from studio.app.widgets.paint import CARD_RADIUS, box, focus_ring, mix
from studio.app.widgets.status import paint_status
from studio.domain.text import language, localized, t

HEIGHT, GAP = 186, 14
KEPT = 60  # pictures of cards
HEADER, MARGIN, PILL, LINE = 60, 14, 22, 18
STATE = Qt.ItemDataRole.UserRole
"""Under which an index has the `ModelState` of its card."""

_Index = QModelIndex | QPersistentModelIndex


def hue_of(model_family: str) -> float:
    """0..1, the same for all models of a family, so that relatives are seen to be ones."""
    return int.from_bytes(hashlib.sha256(model_family.encode()).digest()[:2], "big") / 65536


class CardPainter(QStyledItemDelegate):
    """Its family's colour, what it is, what it allows, and whether it runs here."""

    def __init__(self, view: QListView) -> None:
        super().__init__(view)
        self._view = view
        self._pictures: dict[str, tuple[ModelState, tuple[object, ...], QPixmap]] = {}
        self._title, self._small = fonts.ui_font(fonts.BODY, bold=True), fonts.ui_font(fonts.SMALL)

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        del option, index
        return self._view.gridSize()

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        state = index.data(STATE)
        if state is None:
            return
        painter.save()
        rect = QRectF(option.rect.x() + 1, option.rect.y() + 1, option.rect.width() - GAP, HEIGHT)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        hover = bool(option.state & QStyle.StateFlag.State_MouseOver)
        painter.drawPixmap(rect.topLeft(), self._picture(state, rect, painter.device().devicePixelRatioF()))
        border = theme.color("accent" if chosen else "muted" if hover else "border")
        box(painter, rect, None, border, CARD_RADIUS, 2.0 if chosen else 1.0)
        if self._view.hasFocus() and self._view.currentIndex() == index:
            focus_ring(painter, rect, CARD_RADIUS)
        painter.restore()

    def _picture(self, state: ModelState, rect: QRectF, ratio: float) -> QPixmap:
        """What the card says, painted once for each state: when it is scrolled it is only put there."""
        look = (rect.width(), ratio, theme.color("surface").rgba(), language())
        known = self._pictures.pop(state.model.id, None)
        if known is None or known[0] is not state or known[1] != look:
            picture = QPixmap((rect.size() * ratio).toSize())
            picture.setDevicePixelRatio(ratio)
            picture.fill(Qt.GlobalColor.transparent)
            painter = QPainter(picture)
            self._content(painter, QRectF(0, 0, rect.width(), rect.height()), state)
            painter.end()
            known = state, look, picture
        self._pictures[state.model.id] = known  # the last that was seen is the last to go
        if len(self._pictures) > KEPT:
            del self._pictures[next(iter(self._pictures))]
        return known[2]

    def _content(self, painter: QPainter, rect: QRectF, state: ModelState) -> None:
        self._ground(painter, rect, state)
        self._head(painter, rect, state)
        inner = rect.adjusted(MARGIN, HEADER + 10, -MARGIN, -MARGIN)
        self._pills(painter, inner, state)
        self._words(painter, inner.adjusted(0, PILL + 8, 0, -LINE - 6), state)
        self._foot(painter, QRectF(inner.x(), inner.bottom() - LINE, inner.width(), LINE), state)

    def _ground(self, painter: QPainter, rect: QRectF, state: ModelState) -> None:
        outline = QPainterPath()
        outline.addRoundedRect(rect, CARD_RADIUS, CARD_RADIUS)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillPath(outline, theme.color("surface"))
        hue = hue_of(state.model.family)
        band = QLinearGradient(rect.topLeft(), rect.topRight())
        for at, turn in ((0.0, 0.0), (1.0, 0.09)):
            tint = QColor.fromHslF((hue + turn) % 1.0, 0.5, 0.5)
            band.setColorAt(at, mix(theme.color("surface"), tint, 0.28))
        painter.setClipRect(rect.adjusted(0, 0, 0, HEADER - HEIGHT))
        painter.fillPath(outline, band)
        painter.setClipping(False)

    def _head(self, painter: QPainter, rect: QRectF, state: ModelState) -> None:
        model = state.model
        icons.paint(painter, icon_of(model), QRectF(rect.x() + MARGIN, rect.y() + 19, 22, 22), "text")
        right = rect.right() - MARGIN
        if state.here:
            icons.paint(painter, "done", QRectF(right - 20, rect.y() + 20, 20, 20), "ok")
            right -= 28
        place = QRectF(rect.x() + MARGIN + 34, rect.y() + 11, right - rect.x() - MARGIN - 34, 20)
        self._line(painter, place, state.title, self._title, "text")
        self._line(painter, place.translated(0, 19), source_of(model), self._small, "text")

    def _pills(self, painter: QPainter, inner: QRectF, state: ModelState) -> None:
        model = state.model
        pills = [(tasks_of(model), "", "muted"), (size_words(state), "", "muted")]
        if state.mode == "coming":
            pills.insert(0, (t("models.coming"), "clock", "accent"))
        if model.licence.gated:
            pills.append(("", "lock", "warning"))
        tone = LICENCE_TONES[model.licence.commercial]
        pills.append((t(f"licence.{model.licence.commercial}.short"), "licence", tone))
        x = inner.x()
        for words, icon, token in pills:
            size = pill_size(words, icon, self._small, PILL)
            width = size.width() - (8 if not words else 0)
            if x + width > inner.right() + 1:
                break
            pill = QRectF(x, inner.y(), width, PILL)
            box(painter, pill, theme.color("raised"), None, PILL / 2)
            paint_pill(painter, pill, words, icon, self._small, token)
            x += width + 6

    def _words(self, painter: QPainter, rect: QRectF, state: ModelState) -> None:
        """Two lines of its description, as plain text."""
        painter.setPen(theme.color("muted"))
        words = localized(state.model.description)
        layout = QTextLayout(words, self._small)
        layout.beginLayout()
        first = layout.createLine()
        first.setLineWidth(rect.width())
        rest = words[first.textStart() + first.textLength() :]
        layout.endLayout()
        first.draw(painter, rect.topLeft())
        if rest:
            self._line(
                painter, QRectF(rect.x(), rect.y() + LINE, rect.width(), LINE), rest, self._small, "muted"
            )

    def _foot(self, painter: QPainter, rect: QRectF, state: ModelState) -> None:
        """How far its download is, else whether it runs here."""
        painter.setFont(self._small)
        if state.mode != "moving" or state.download is None:
            paint_status(painter, rect, *short_speed_line(state))
            return
        words, left = download_words(state.download)
        self._line(painter, rect.adjusted(0, -6, 0, -6), f"{words}  {left}".strip(), self._small, "text")
        bar = QRectF(rect.x(), rect.bottom() - 3, rect.width(), 4)
        box(painter, bar, theme.color("raised"), None, 2)
        share = fraction(state.download)
        if share:
            box(painter, QRectF(bar.x(), bar.y(), bar.width() * share, 4), theme.color("accent"), None, 2)

    def _line(self, painter: QPainter, rect: QRectF, words: str, font: Any, token: str) -> None:
        painter.setFont(font)
        painter.setPen(theme.color(token))
        shown = QFontMetricsF(font).elidedText(words.strip(), Qt.TextElideMode.ElideRight, rect.width())
        painter.drawText(rect, Qt.AlignmentFlag.AlignVCenter, shown)
