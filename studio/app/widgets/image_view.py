"""A picture as large as the window allows: zoom, pan, alpha on a checkerboard, out by drag, copy or save.

view.set_image(image, path)     *path* makes dragging out, saving and revealing possible
view.set_caption("seed 814 220 - 25 steps")
view.corner                     the layout at the top right, for buttons
view.extra_actions              QActions for the end of the context menu
view.browse_requested(-1 | 1)   arrow keys;  view.failed(Failure)  a copy could not be saved
"""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QAction,
    QContextMenuEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QApplication, QHBoxLayout, QMenu, QSizePolicy, QWidget

from studio.app import files, icons, keys, theme
from studio.app.language import bind_text
from studio.app.widgets.chips import Tag
from studio.app.widgets.paint import CARD_RADIUS, box
from studio.domain.text import t

_MARGIN = 16
_LARGEST = 64.0
_SQUARE = 8


class ImageView(QWidget):
    """Fits the picture until the wheel or a key says otherwise.

    Keys: arrows browse, + and - zoom, the keys named `actual_size` and `fit`. A fitted picture is
    dragged out as a file, a larger one is moved about (with Ctrl it is dragged out too).
    """

    browse_requested = Signal(object)
    failed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._image = QImage()
        self._pixmap = QPixmap()
        self._path: Path | None = None
        self._fitted = True
        self._scale = 1.0  # logical pixels per pixel of the picture
        self._centre = QPointF()  # the point of the picture that is in the middle
        self._pressed: QPoint | None = None
        self._smooth = True
        self._cached: tuple[QSize, QPixmap] | None = None
        self.extra_actions: list[QAction] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMinimumSize(160, 120)
        bind_text(self.setAccessibleName, "app.image")
        self._caption = Tag(parent=self)
        self._caption.hide()
        self._corner = QWidget(self)
        self.corner = QHBoxLayout(self._corner)
        self.corner.setContentsMargins(0, 0, 0, 0)
        self.corner.setSpacing(6)
        within = Qt.ShortcutContext.WidgetShortcut
        keys.shortcut("actual_size", self, lambda: self.set_zoom(1.0), within)
        keys.shortcut("fit", self, self.fit, within)

    # -- what is shown

    def set_image(self, image: QImage, path: Path | None = None) -> None:
        """Show *image*; a null one clears. The zoom stays while the size does (previews, browsing)."""
        if image.size() != self._image.size():
            self._fitted = True
            self._centre = QRectF(image.rect()).center()
        self._image, self._path = image, path
        self._pixmap = QPixmap.fromImage(image)
        self._cached = None
        self.update()

    def image(self) -> QImage:
        return self._image

    def path(self) -> Path | None:
        return self._path

    def set_caption(self, text: str) -> None:
        self._caption.set_text(text)
        self._caption.setVisible(bool(text))
        self._place_overlays()

    def set_smooth(self, smooth: bool) -> None:
        """Whether small pictures are enlarged softly or as squares."""
        self._smooth = smooth
        self._cached = None
        self.update()

    # -- zoom

    def fit(self) -> None:
        """As large as the view allows."""
        self._fitted = True
        self._centre = QRectF(self._image.rect()).center()
        self.update()

    def scale(self) -> float:
        """Screen pixels per pixel of the picture."""
        return (self._fit_scale() if self._fitted else self._scale) * self.devicePixelRatioF()

    def set_zoom(self, scale: float, at: QPointF | None = None) -> None:
        """*scale* in screen pixels per pixel of the picture; the point *at* of the view stays where it is."""
        at = QRectF(self.rect()).center() if at is None else at
        before = self._to_picture(at)
        smallest = min(self._fit_scale(), 1.0)
        self._scale = min(max(scale / self.devicePixelRatioF(), smallest), _LARGEST)
        self._fitted = False
        self._centre += before - self._to_picture(at)
        self._keep_inside()
        self.update()

    def _fit_scale(self) -> float:
        room = QRectF(self.rect()).adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN)
        if self._image.isNull() or room.isEmpty():
            return 1.0
        return min(room.width() / self._image.width(), room.height() / self._image.height())

    def _target(self) -> QRectF:
        """Where the picture lies in the view."""
        scale = self._fit_scale() if self._fitted else self._scale
        middle = QRectF(self.rect()).center()
        corner = middle - self._centre * scale
        return QRectF(corner.x(), corner.y(), self._image.width() * scale, self._image.height() * scale)

    def _to_picture(self, point: QPointF) -> QPointF:
        target = self._target()
        return (
            (point - target.topLeft()) * (self._image.width() / target.width()) if target.width() else point
        )

    def _keep_inside(self) -> None:
        width, height = self._image.width(), self._image.height()
        x = min(max(self._centre.x(), 0.0), float(width))
        y = min(max(self._centre.y(), 0.0), float(height))
        if width * self._scale <= self.width():
            x = width / 2
        if height * self._scale <= self.height():
            y = height / 2
        self._centre = QPointF(x, y)

    def _overflows(self) -> bool:
        target = self._target()
        return target.width() > self.width() + 1 or target.height() > self.height() + 1

    # -- input

    def wheelEvent(self, event: QWheelEvent) -> None:
        if not self._image.isNull():
            self.set_zoom(self.scale() * 1.0015 ** event.angleDelta().y(), event.position())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        match event.key():
            case Qt.Key.Key_Left | Qt.Key.Key_Up:
                self.browse_requested.emit(-1)
            case Qt.Key.Key_Right | Qt.Key.Key_Down:
                self.browse_requested.emit(1)
            case Qt.Key.Key_Plus | Qt.Key.Key_Equal:
                self.set_zoom(self.scale() * 1.25)
            case Qt.Key.Key_Minus:
                self.set_zoom(self.scale() / 1.25)
            case _:
                super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and not self._image.isNull():
            self._pressed = event.position().toPoint()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pressed is None:
            return
        moved = event.position().toPoint() - self._pressed
        drag_file = not self._overflows() or event.modifiers() & Qt.KeyboardModifier.ControlModifier
        if not drag_file:
            self._centre -= QPointF(moved) / self._scale
            self._pressed = event.position().toPoint()
            self._keep_inside()
            self.update()
        elif self._path is not None and moved.manhattanLength() >= QApplication.startDragDistance():
            self._pressed = None
            files.drag_out(self, self._path, self._pixmap)

    def mouseReleaseEvent(self, _: QMouseEvent) -> None:
        self._pressed = None

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if self._fitted:
            self.set_zoom(1.0, event.position())
        else:
            self.fit()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if not self._image.isNull():
            self.context_menu().popup(event.globalPos())

    def context_menu(self) -> QMenu:
        """A menu that deletes itself when it closes."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(icons.icon("copy"), t("app.copy_image"), lambda: files.copy_image(self._image))
        path = self._path
        if path is not None:
            menu.addAction(
                icons.icon("save"),
                t("app.save_copy"),
                lambda: files.save_copy(self, path, self.failed.emit),
            )
            menu.addAction(icons.icon("reveal"), t("app.reveal"), lambda: files.reveal(path))
        menu.addSeparator()
        menu.addAction(icons.icon("fit"), t("key.fit"), self.fit)
        menu.addAction(icons.icon("zoom_in"), t("key.actual_size"), lambda: self.set_zoom(1.0))
        smooth = menu.addAction(t("app.smooth"))
        smooth.setCheckable(True)
        smooth.setChecked(self._smooth)
        smooth.toggled.connect(self.set_smooth)
        if self.extra_actions:
            menu.addSeparator()
            menu.addActions(self.extra_actions)
        return menu

    # -- painting

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_overlays()

    def _place_overlays(self) -> None:
        self._caption.resize(self._caption.sizeHint())
        self._caption.move(12, self.height() - self._caption.height() - 12)
        self._corner.resize(self._corner.sizeHint())
        self._corner.move(self.width() - self._corner.width() - 12, 12)

    def paintEvent(self, _: QPaintEvent) -> None:
        self._place_overlays()
        painter = QPainter(self)
        rect = QRectF(self.rect())
        focused = self.hasFocus()
        border = theme.color("accent" if focused else "border")
        box(painter, rect, theme.color("surface"), border, CARD_RADIUS, 2.0 if focused else 1.0)
        if self._image.isNull():
            return
        painter.setClipRect(rect.adjusted(2, 2, -2, -2))
        target = self._target()
        if self._image.hasAlphaChannel():
            painter.drawTiledPixmap(target.toAlignedRect(), _checkers(self.devicePixelRatioF()))
        if self._scale_of(target) < 1.0:
            painter.drawPixmap(target.topLeft().toPoint(), self._reduced(target.toAlignedRect()))
        else:
            painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, self._smooth)
            painter.drawPixmap(target, self._pixmap, QRectF(self._pixmap.rect()))

    def _scale_of(self, target: QRectF) -> float:
        return target.width() * self.devicePixelRatioF() / max(1, self._image.width())

    def _reduced(self, target: QRect) -> QPixmap:
        """The picture made smaller with every pixel counted, kept until the size changes."""
        ratio = self.devicePixelRatioF()
        size = QSize(max(1, round(target.width() * ratio)), max(1, round(target.height() * ratio)))
        if self._cached is None or self._cached[0] != size:
            mode = Qt.TransformationMode.SmoothTransformation
            pixmap = self._pixmap.scaled(size, Qt.AspectRatioMode.IgnoreAspectRatio, mode)
            pixmap.setDevicePixelRatio(ratio)
            self._cached = (size, pixmap)
        return self._cached[1]


def _checkers(ratio: float) -> QPixmap:
    side = round(2 * _SQUARE * ratio)
    tile = QPixmap(side, side)
    tile.fill(theme.color("checker_light"))
    painter = QPainter(tile)
    for x, y in ((0, 0), (side // 2, side // 2)):
        painter.fillRect(x, y, side // 2, side // 2, theme.color("checker_dark"))
    painter.end()
    tile.setDevicePixelRatio(ratio)
    return tile
