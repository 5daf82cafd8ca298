"""The system's font with Chinese behind it, in the few sizes that the window uses.

Sizes are logical pixels; Qt scales them with the screen.
"""

from __future__ import annotations

import sys
from functools import cache
from itertools import islice

from PySide6.QtGui import QFont, QFontDatabase

SMALL, LABEL, BODY, LARGE, HEADING = 12, 13, 14, 16, 22

_CHINESE = {
    "win32": ("Microsoft YaHei UI", "Microsoft YaHei"),
    "darwin": ("PingFang SC",),
}.get(sys.platform, ("Noto Sans CJK SC", "Source Han Sans SC", "Noto Sans SC", "WenQuanYi Micro Hei"))
_GENERIC = {"Sans Serif", "Sans", "sans-serif", "Helvetica", ""}


@cache
def _families() -> tuple[str, ...]:
    system = QFontDatabase.systemFont(QFontDatabase.SystemFont.GeneralFont).family()
    chinese = tuple(islice(filter(QFontDatabase.hasFamily, _CHINESE), 1))
    if system not in _GENERIC:
        return (system, *chinese)
    # A desktop that names no font: the Chinese family draws both scripts in one hand.
    return (*chinese, system) if chinese else (system or "Sans Serif",)


def ui_font(pixels: int = BODY, *, bold: bool = False) -> QFont:
    """The window's font, digits of equal width, *pixels* high."""
    return QFont(_ui_font(pixels, bold))  # a copy: whoever gets it may change it


@cache
def _ui_font(pixels: int, bold: bool) -> QFont:
    font = QFont()
    font.setFamilies(list(_families()))
    font.setPixelSize(pixels)
    font.setWeight(QFont.Weight.DemiBold if bold else QFont.Weight.Normal)
    font.setFeature(QFont.Tag("tnum"), 1)  # numbers that change do not move what stands beside them
    return font


def fixed_font(pixels: int = LABEL) -> QFont:
    """The system's font for code."""
    font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
    font.setPixelSize(pixels)
    return font


def has_chinese() -> bool:
    """Whether any installed font draws Simplified Chinese."""
    return bool(QFontDatabase.families(QFontDatabase.WritingSystem.SimplifiedChinese))
