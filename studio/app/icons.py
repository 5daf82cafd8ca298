"""Icons by what they mean, drawn in the colours of the theme in use.

The glyphs are Phosphor's as qtawesome ships them; a waveform, which it lacks, is drawn in its manner.
The module of qtawesome is not imported: that costs more than the whole first window and pulls in Qt
modules which must not be here. An icon asks for its colour at each painting, so a change of theme
needs nothing more than a repaint.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QIconEngine, QPainter, QPainterPath, QPen, QPixmap, QRawFont, QTransform

from studio.app import theme

FONT_FILE = "phosphor-1.3.0.ttf"
_EXTRA_WEIGHT = 0.014  # of the side: lines of about 1.5 pixels at 20, as the text beside them has
_BARS = (0.2, 0.5, 0.78, 0.36, 0.58, 0.2)  # heights of the waveform

# name: (the glyph's name in the set, its code point)
TABLE = {
    "home": ("house", 0xF1D8),
    "write": ("pencil-line", 0xF265),
    "draw": ("image", 0xF1DD),
    "gallery": ("cards", 0xF0B5),
    "models": ("books", 0xF098),
    "computer": ("cpu", 0xF119),
    "memory": ("sliders-horizontal", 0xF2D0),
    "settings": ("gear-six", 0xF19C),
    "queue": ("queue", 0xF294),
    "generate": ("lightning", 0xF1EF),
    "stop": ("stop", 0xF2F7),
    "cancel": ("x", 0xF36D),
    "play": ("play", 0xF27C),
    "pause": ("pause", 0xF25E),
    "copy": ("copy", 0xF114),
    "send": ("magic-wand", 0xF207),
    "save": ("floppy-disk", 0xF181),
    "reveal": ("folder-open", 0xF18C),
    "folder": ("folder", 0xF186),
    "file": ("file-text", 0xF170),
    "delete": ("trash", 0xF334),
    "undo": ("arrow-u-up-left", 0xF066),
    "redo": ("arrow-u-up-right", 0xF067),
    "again": ("clock-counter-clockwise", 0xF0FC),
    "retry": ("arrow-clockwise", 0xF020),
    "edit": ("note-pencil", 0xF22E),
    "add": ("plus", 0xF27F),
    "remove": ("minus", 0xF21A),
    "close": ("x", 0xF36D),
    "check": ("check", 0xF0E7),
    "more": ("dots-three", 0xF145),
    "search": ("magnifying-glass", 0xF20A),
    "filter": ("funnel", 0xF196),
    "sort": ("sort-ascending", 0xF2DC),
    "download": ("download-simple", 0xF14C),
    "upload": ("upload-simple", 0xF345),
    "import": ("folder-plus", 0xF18D),
    "external": ("arrow-square-out", 0xF058),
    "link": ("link", 0xF1F3),
    "dice": ("dice-five", 0xF137),
    "lock": ("lock", 0xF1FF),
    "unlock": ("lock-open", 0xF204),
    "expand": ("sparkle", 0xF2DF),
    "style": ("palette", 0xF257),
    "info": ("info", 0xF1E0),
    "help": ("question", 0xF293),
    "warning": ("warning", 0xF35C),
    "error": ("warning-circle", 0xF35D),
    "done": ("check-circle", 0xF0E8),
    "offline": ("shield-check", 0xF2B8),
    "online": ("globe", 0xF1AF),
    "licence": ("scales", 0xF2AA),
    "disk": ("hard-drive", 0xF1C3),
    "ram": ("hard-drives", 0xF1C4),
    "gpu": ("squares-four", 0xF2F0),
    "clock": ("clock", 0xF0F9),
    "zoom_in": ("magnifying-glass-plus", 0xF20C),
    "zoom_out": ("magnifying-glass-minus", 0xF20B),
    "fit": ("frame-corners", 0xF194),
    "chevron_down": ("caret-down", 0xF0C2),
    "chevron_up": ("caret-up", 0xF0C5),
    "chevron_right": ("caret-right", 0xF0C4),
    "chevron_left": ("caret-left", 0xF0C3),
    "arrow_up": ("arrow-up", 0xF061),
    "arrow_down": ("arrow-down", 0xF022),
    "arrow_left": ("arrow-left", 0xF03B),
    "arrow_right": ("arrow-right", 0xF044),
    "move_up": ("arrow-line-up", 0xF041),
    "drag": ("dots-six-vertical", 0xF144),
    "language": ("translate", 0xF333),
    "theme": ("circle-half", 0xF0EE),
    "sun": ("sun", 0xF2FE),
    "moon": ("moon", 0xF21F),
    "screen": ("monitor", 0xF21D),
    "bell": ("bell", 0xF082),
    "volume": ("speaker-high", 0xF2E0),
    "music": ("music-note", 0xF223),
    "voice": ("microphone", 0xF218),
    "user": ("user", 0xF346),
    "assistant": ("robot", 0xF2A3),
    "chat": ("chat-circle-text", 0xF0DE),
    "new_chat": ("note-pencil", 0xF22E),
    "text": ("text-aa", 0xF310),
    "key": ("key", 0xF1E4),
    "keyboard": ("keyboard", 0xF1E5),
    "star": ("star", 0xF2F3),
    "eye": ("eye", 0xF15B),
    "eye_off": ("eye-slash", 0xF15E),
    "log": ("file-text", 0xF170),
    "gauge": ("gauge", 0xF19A),
    "token": ("hash", 0xF1C5),
    "face": ("smiley", 0xF2D1),
    "tag": ("tag", 0xF305),
    "free": ("leaf", 0xF1EB),
    "awake": ("coffee", 0xF10C),
    "package": ("package", 0xF251),
    "bookmark": ("bookmark-simple", 0xF095),
    "prohibited": ("prohibit", 0xF289),
}


def icon(name: str, color: str = "text", on: str = "") -> QIcon:
    """The icon *name* of `TABLE` in a theme token's colour, in *on* while its button is checked.

    Raises KeyError for an unknown name.
    """
    _outline(name)
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
    ink = theme.color(color)
    painter.setPen(QPen(ink, _EXTRA_WEIGHT))
    painter.setBrush(ink)
    painter.drawPath(_outline(name))
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
def _outline(name: str) -> QPainterPath:
    """In a unit square, y downwards."""
    if name == "speak":
        return _waveform()
    font = _font()
    index = font.glyphIndexesForString(chr(TABLE[name][1]))[0]
    side = font.pixelSize()
    to_unit = QTransform().scale(1 / side, 1 / side).translate(0, font.ascent())
    path = to_unit.map(font.pathForGlyph(index))
    path.setFillRule(Qt.FillRule.WindingFill)
    return path


def _waveform() -> QPainterPath:
    path = QPainterPath()
    pitch, thick = 0.144, 0.0625
    for index, height in enumerate(_BARS):
        x = 0.5 + (index - (len(_BARS) - 1) / 2) * pitch
        path.addRoundedRect(QRectF(x - thick / 2, 0.5 - height / 2, thick, height), thick / 2, thick / 2)
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
