"""Made lately: the newest results of any kind as tiles."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QImage, QPainter, QPainterPath, QPaintEvent, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QStackedLayout, QVBoxLayout, QWidget

from studio.app import fonts, icons, theme
from studio.app.observable import bind
from studio.app.panels.home.viewmodel import HomeModel, Made
from studio.app.strip_feed import ICONS
from studio.app.widgets.button import Button, PaintedButton
from studio.app.widgets.card import Card
from studio.app.widgets.empty_state import EmptyState
from studio.app.widgets.flow import FlowLayout
from studio.app.widgets.label import Label
from studio.app.widgets.paint import RADIUS, box, focus_ring, set_tooltip
from studio.domain.quantity import length

if TYPE_CHECKING:
    import asyncio

log = logging.getLogger(__name__)

SIDE = 112


class Tile(PaintedButton):
    """A picture, the first words of a text, or a sound's length."""

    def __init__(self, made: Made) -> None:
        super().__init__()
        self.made = made
        self._picture: QPixmap | None = None
        self.setFont(fonts.ui_font(fonts.SMALL))
        self.setText(made.title)
        self.setAccessibleName(made.title)
        set_tooltip(self, made.title)

    def set_picture(self, image: QImage) -> None:
        """Cut to a square around its middle; small pictures keep their pixels sharp."""
        side = 2 * SIDE
        small = max(image.width(), image.height()) <= SIDE
        mode = (
            Qt.TransformationMode.FastTransformation if small else Qt.TransformationMode.SmoothTransformation
        )
        grown = image.scaled(side, side, Qt.AspectRatioMode.KeepAspectRatioByExpanding, mode)
        x, y = (grown.width() - side) // 2, (grown.height() - side) // 2
        self._picture = QPixmap.fromImage(grown.copy(x, y, side, side))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(SIDE, SIDE)

    def paintEvent(self, _: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        rect = QRectF(self.rect())
        outline = QPainterPath()
        outline.addRoundedRect(rect.adjusted(1, 1, -1, -1), RADIUS, RADIUS)
        painter.fillPath(outline, theme.color("raised"))
        if self._picture is not None:
            painter.setClipPath(outline)
            painter.drawPixmap(rect, self._picture, QRectF(self._picture.rect()))
            painter.setClipping(False)
        else:
            self._paint_words(painter, rect)
        box(painter, rect, None, theme.color("muted" if self.underMouse() else "border"), RADIUS + 1)
        if self.ring:
            focus_ring(painter, rect, RADIUS)

    def _paint_words(self, painter: QPainter, rect: QRectF) -> None:
        result = self.made.result
        words = self.made.words or (self.made.title if result.task != "image" else "")
        painter.setPen(theme.color("text"))
        painter.setFont(self.font())
        flags = Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft
        painter.drawText(rect.adjusted(10, 9, -10, -32), int(flags), words)
        icon = QRectF(rect.x() + 10, rect.bottom() - 26, 16, 16)
        icons.paint(painter, ICONS.get(result.task, "file"), icon, "muted")
        if result.seconds is not None:
            painter.setPen(theme.color("muted"))
            place = QRectF(icon.right() + 6, icon.y() - 2, rect.width() - 44, 20)
            painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, length(result.seconds))


class Lately(Card):
    """The tiles, or what will be here."""

    def __init__(self, model: HomeModel) -> None:
        super().__init__(margin=20, spacing=12)
        self._model = model
        self._tiles: dict[Path, Tile] = {}
        self._reading: dict[Path, asyncio.Future[None]] = {}
        self._all = Button("home.all", "", "quiet")
        self._all.setFixedHeight(26)
        self._all.clicked.connect(lambda: model.desk.go("gallery"))
        top = QHBoxLayout()
        top.addWidget(Label("home.lately", "title"))
        top.addStretch(1)
        top.addWidget(self._all)
        holder = QWidget()
        self._flow = FlowLayout(spacing=10)
        inner = QVBoxLayout(holder)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.addLayout(self._flow)
        inner.addStretch(1)
        empty = EmptyState(
            "gallery", "home.lately.empty", "home.lately.empty.words", "home.lately.first", "play"
        )
        empty.clicked.connect(self._first)
        self._stack = QStackedLayout()
        self._stack.addWidget(holder)
        self._stack.addWidget(empty)
        self.body.addLayout(top)
        self.body.addLayout(self._stack, 1)
        bind(model.lately, self._show)

    def close_down(self) -> None:
        for reading in self._reading.values():
            reading.cancel()

    def tiles(self) -> list[Tile]:
        """In the order shown."""
        return [self._tiles[made.result.path] for made in self._model.lately.value]

    def _first(self) -> None:
        """Draw, since a picture says most; else whatever can be made."""
        tries = [one for one in self._model.tries.value if one.entry is not None]
        chosen = next((one for one in tries if one.task == "image"), tries[0] if tries else None)
        if chosen is None:
            self._model.desk.go("models")
        else:
            self._model.run(chosen.task)

    def _show(self, lately: tuple[Made, ...]) -> None:
        while self._flow.takeAt(0) is not None:
            pass
        for tile in self._tiles.values():
            tile.hide()
        wanted = {made.result.path: made for made in lately}
        for path in [path for path, tile in self._tiles.items() if wanted.get(path) != tile.made]:
            self._tiles.pop(path).deleteLater()
            if path in self._reading:
                self._reading.pop(path).cancel()
        for path, made in wanted.items():
            if path not in self._tiles:
                self._tiles[path] = self._new_tile(made)
            self._flow.addWidget(self._tiles[path])
            self._tiles[path].show()
        self._flow.invalidate()
        self._all.setVisible(bool(lately))
        self._stack.setCurrentIndex(0 if lately else 1)

    def _new_tile(self, made: Made) -> Tile:
        tile = Tile(made)
        tile.setParent(self._stack.widget(0))
        tile.clicked.connect(lambda: self._model.open(made))
        if made.result.task == "image":
            import asyncio  # the first picture of Home has no tiles and does without

            reading = asyncio.ensure_future(self._read(tile))
            self._reading[made.result.path] = reading
            reading.add_done_callback(_report)
        return tile

    async def _read(self, tile: Tile) -> None:
        from studio.app import pictures

        image = await pictures.load(tile.made.result.path, 2 * SIDE)
        if not image.isNull():
            tile.set_picture(image)


def _report(task: asyncio.Future[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("a thumbnail could not be shown", exc_info=error)
