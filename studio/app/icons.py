"""Icons by what they mean, drawn in the colours of the theme in use.

The glyphs are Material Design Icons as qtawesome ships them. Its module is not imported: that
costs more than the whole first window and pulls in Qt modules which must not be here. An icon asks
for its colour at each painting, so a change of theme needs nothing more than a repaint.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QIconEngine, QPainter, QPainterPath, QPixmap, QRawFont, QTransform

from studio.app import theme

FONT_FILE = "materialdesignicons6-webfont-6.9.96.ttf"

# name: (the glyph's name in the set, its code point)
TABLE = {
    "home": ("home-outline", 0xF06A1),
    "write": ("pencil-outline", 0xF0CB6),
    "draw": ("image-outline", 0xF0976),
    "speak": ("waveform", 0xF147D),
    "gallery": ("image-multiple-outline", 0xF02EF),
    "models": ("bookshelf", 0xF125F),
    "computer": ("cpu-64-bit", 0xF0EE0),
    "memory": ("tune-variant", 0xF1542),
    "settings": ("cog-outline", 0xF08BB),
    "queue": ("tray-full", 0xF1296),
    "generate": ("lightning-bolt-outline", 0xF140C),
    "stop": ("stop", 0xF04DB),
    "cancel": ("close", 0xF0156),
    "play": ("play-outline", 0xF0F1B),
    "pause": ("pause", 0xF03E4),
    "copy": ("content-copy", 0xF018F),
    "send": ("auto-fix", 0xF0068),
    "save": ("content-save-outline", 0xF0818),
    "reveal": ("folder-open-outline", 0xF0DCF),
    "folder": ("folder-outline", 0xF0256),
    "file": ("file-document-outline", 0xF09EE),
    "delete": ("trash-can-outline", 0xF0A7A),
    "undo": ("undo", 0xF054C),
    "redo": ("redo", 0xF044E),
    "again": ("restore", 0xF099B),
    "retry": ("refresh", 0xF0450),
    "regenerate": ("refresh", 0xF0450),
    "edit": ("square-edit-outline", 0xF090C),
    "add": ("plus", 0xF0415),
    "remove": ("minus", 0xF0374),
    "close": ("close", 0xF0156),
    "check": ("check", 0xF012C),
    "more": ("dots-horizontal", 0xF01D8),
    "search": ("magnify", 0xF0349),
    "filter": ("filter-variant", 0xF0236),
    "sort": ("sort", 0xF04BA),
    "download": ("tray-arrow-down", 0xF0120),
    "upload": ("tray-arrow-up", 0xF011D),
    "import": ("import", 0xF02FA),
    "external": ("open-in-new", 0xF03CC),
    "link": ("link-variant", 0xF0339),
    "dice": ("dice-5-outline", 0xF114E),
    "lock": ("lock-outline", 0xF0341),
    "unlock": ("lock-open-variant-outline", 0xF0FC7),
    "expand": ("creation-outline", 0xF1C2B),
    "style": ("palette-outline", 0xF0E0C),
    "info": ("information-outline", 0xF02FD),
    "help": ("help-circle-outline", 0xF0625),
    "warning": ("alert-outline", 0xF002A),
    "error": ("alert-circle-outline", 0xF05D6),
    "done": ("check-circle-outline", 0xF05E1),
    "offline": ("shield-check-outline", 0xF0CC8),
    "online": ("web", 0xF059F),
    "licence": ("shield-check-outline", 0xF0CC8),
    "disk": ("harddisk", 0xF02CA),
    "ram": ("memory", 0xF035B),
    "gpu": ("expansion-card-variant", 0xF0FB2),
    "clock": ("clock-outline", 0xF0150),
    "zoom_in": ("magnify-plus-outline", 0xF06ED),
    "zoom_out": ("magnify-minus-outline", 0xF06EC),
    "fit": ("fit-to-screen-outline", 0xF18F5),
    "chevron_down": ("chevron-down", 0xF0140),
    "chevron_up": ("chevron-up", 0xF0143),
    "chevron_right": ("chevron-right", 0xF0142),
    "chevron_left": ("chevron-left", 0xF0141),
    "arrow_up": ("arrow-up", 0xF005D),
    "arrow_down": ("arrow-down", 0xF0045),
    "arrow_left": ("arrow-left", 0xF004D),
    "arrow_right": ("arrow-right", 0xF0054),
    "move_up": ("arrow-collapse-up", 0xF0795),
    "drag": ("drag-vertical", 0xF01DD),
    "language": ("translate", 0xF05CA),
    "theme": ("theme-light-dark", 0xF050E),
    "sun": ("white-balance-sunny", 0xF05A8),
    "moon": ("weather-night", 0xF0594),
    "screen": ("monitor", 0xF0379),
    "bell": ("bell-outline", 0xF009C),
    "volume": ("volume-high", 0xF057E),
    "voice": ("account-voice", 0xF05CB),
    "user": ("account-outline", 0xF0013),
    "assistant": ("robot-outline", 0xF167A),
    "chat": ("message-text-outline", 0xF036A),
    "new_chat": ("message-plus-outline", 0xF10BB),
    "text": ("text", 0xF09A8),
    "key": ("key-outline", 0xF0DD6),
    "keyboard": ("keyboard-outline", 0xF097B),
    "star": ("star-outline", 0xF04D2),
    "eye": ("eye-outline", 0xF06D0),
    "eye_off": ("eye-off-outline", 0xF06D1),
    "log": ("text-box-outline", 0xF09ED),
    "gauge": ("gauge", 0xF029A),
    "token": ("counter", 0xF0199),
    "face": ("face-recognition", 0xF0C7B),
    "tag": ("tag-outline", 0xF04FC),
    "drop": ("tray-arrow-down", 0xF0120),
    "free": ("broom", 0xF00E2),
    "awake": ("coffee-outline", 0xF06CA),
}


def icon(name: str, color: str = "text", on: str = "") -> QIcon:
    """The icon *name* of `TABLE` in a theme token's colour, in *on* while its button is checked.

    Raises KeyError for an unknown name.
    """
    _glyph(name)
    return QIcon(_Engine(name, color, on or color))


def paint(
    painter: QPainter, name: str, rect: QRectF | QRect, color: str = "text", opacity: float = 1.0
) -> None:
    """Draw the icon into the middle of *rect*, as large as its shorter side."""
    box = QRectF(rect)
    side = min(box.width(), box.height())
    corner = box.center() - QPointF(side / 2, side / 2)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setOpacity(painter.opacity() * opacity)
    painter.setTransform(QTransform().translate(corner.x(), corner.y()).scale(side, side), True)
    painter.fillPath(_glyph(name), theme.color(color))
    painter.restore()


@cache
def _font() -> QRawFont:
    spec = find_spec("qtawesome")
    file = Path(spec.origin or "").parent / "fonts" / FONT_FILE if spec else Path(FONT_FILE)
    font = QRawFont(str(file), 512.0)
    if not font.isValid():
        raise FileNotFoundError(f"the window's icons: {file}")
    return font


@cache
def _glyph(name: str) -> QPainterPath:
    """The outline in a unit square, y downwards."""
    font = _font()
    index = font.glyphIndexesForString(chr(TABLE[name][1]))[0]
    side = font.pixelSize()
    to_unit = QTransform().scale(1 / side, 1 / side).translate(0, font.ascent())
    path = to_unit.map(font.pathForGlyph(index))
    path.setFillRule(Qt.FillRule.WindingFill)
    return path


class _Engine(QIconEngine):
    def __init__(self, name: str, color: str, on: str) -> None:
        super().__init__()
        self._name, self._color, self._on = name, color, on

    def clone(self) -> QIconEngine:
        return _Engine(self._name, self._color, self._on)

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        color = self._on if state == QIcon.State.On else self._color
        paint(painter, self._name, rect, color, 0.45 if mode == QIcon.Mode.Disabled else 1.0)

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        return self.scaledPixmap(size, mode, state, 1.0)

    def scaledPixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State, scale: float) -> QPixmap:
        del scale  # the size is already in device pixels
        pixmap = QPixmap(size)
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        self.paint(painter, QRect(0, 0, size.width(), size.height()), mode, state)
        painter.end()
        return pixmap
