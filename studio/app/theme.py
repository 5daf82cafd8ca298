"""Colours and motion of the window: named tokens, light, dark or as the system says, switched live.

app = QApplication([name, *theme.STYLE])
theme.install(app)             once, before the first widget
theme.set_mode("dark")         "system", "light", "dark"
theme.color("accent")          in every paintEvent: the colour of the theme in use
theme.current, theme.mode      properties to watch
"""

from __future__ import annotations

from functools import lru_cache

from msgspec import Struct, structs
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from studio.app import fonts
from studio.app.observable import Property
from studio.app.style import style_sheet

MODES = ("system", "light", "dark")
STYLE = ("-style", "Fusion")  # as arguments: `setStyle` would have all of QStyle made known to Python


class Tokens(Struct, frozen=True):
    """The colours by what they are for, as #rrggbb. `chart` are the parts of a stacked bar, in order."""

    background: str
    surface: str
    raised: str
    border: str
    text: str
    muted: str
    accent: str
    accent_text: str
    soft_accent: str
    ok: str
    warning: str
    bad: str
    checker_light: str
    checker_dark: str
    chart: tuple[str, ...]


_CHART = ("#6c78ff", "#c76bd6", "#4fc08d", "#e0a83e", "#98a1b2", "#4fb3d9", "#f07167")

LIGHT = Tokens(
    background="#f5f6f8",
    surface="#ffffff",
    raised="#f0f1f5",
    border="#e2e5ea",
    text="#1b1f27",
    muted="#5d6778",
    accent="#4f5bd5",
    accent_text="#ffffff",
    soft_accent="#e9ebfd",
    ok="#18794e",
    warning="#8a5c00",
    bad="#c0362c",
    checker_light="#ffffff",
    checker_dark="#e2e5ea",
    chart=_CHART,
)
DARK = Tokens(
    background="#14161b",
    surface="#1b1e25",
    raised="#242833",
    border="#2e3340",
    text="#e8eaee",
    muted="#98a1b2",
    accent="#8b93ff",
    accent_text="#12131a",
    soft_accent="#2a2d4a",
    ok="#4fc08d",
    warning="#e0a83e",
    bad="#f07167",
    checker_light="#2e3340",
    checker_dark="#242833",
    chart=_CHART,
)

current: Property[Tokens] = Property(LIGHT)
mode: Property[str] = Property("system")


def install(app: QApplication, name: str = "system") -> None:
    """Fonts, palette and style sheet; follows the system from now on unless told otherwise."""
    app.setFont(fonts.ui_font())
    app.styleHints().colorSchemeChanged.connect(_system_changed)
    set_mode(name)


def set_mode(name: str) -> None:
    """Raises ValueError for a mode that is not one of `MODES`."""
    if name not in MODES:
        raise ValueError(f"unknown theme: {name}")
    mode.value = name
    hints = QGuiApplication.styleHints()
    if name == "system":
        hints.unsetColorScheme()
    else:  # the title bar and native dialogs follow
        hints.setColorScheme(Qt.ColorScheme.Dark if name == "dark" else Qt.ColorScheme.Light)
    _apply()


def is_dark() -> bool:
    """Whether the theme in use is the dark one."""
    return current.value is DARK


def color(token: str, alpha: float = 1.0) -> QColor:
    """The colour that *token* has now; *alpha* in 0..1."""
    value = QColor(_colors(current.value)[token])
    if alpha < 1.0:
        value.setAlphaF(alpha)
    return value


def chart_color(index: int) -> QColor:
    """The colour of part *index* of a stacked bar; they repeat."""
    chart = current.value.chart
    return QColor(chart[index % len(chart)])


def palette(tokens: Tokens) -> QPalette:
    """Every role that Qt's own drawing uses, from the tokens."""
    role = QPalette.ColorRole
    made = QPalette()
    for roles, token in (
        ((role.Window,), tokens.background),
        ((role.Base, role.ToolTipBase), tokens.surface),
        ((role.AlternateBase, role.Button, role.Light, role.Midlight), tokens.raised),
        ((role.Mid, role.Dark, role.Shadow), tokens.border),
        ((role.WindowText, role.Text, role.ButtonText, role.BrightText, role.ToolTipText), tokens.text),
        ((role.PlaceholderText, role.LinkVisited), tokens.muted),
        ((role.Highlight, role.Link, role.Accent), tokens.accent),
        ((role.HighlightedText,), tokens.accent_text),
    ):
        for each in roles:
            made.setColor(each, QColor(token))
    for each in (role.WindowText, role.Text, role.ButtonText):
        made.setColor(QPalette.ColorGroup.Disabled, each, QColor(tokens.muted))
    return made


@lru_cache(maxsize=2)
def _colors(tokens: Tokens) -> dict[str, QColor]:
    return {name: QColor(value) for name, value in structs.asdict(tokens).items() if isinstance(value, str)}


def _system_changed(_: Qt.ColorScheme) -> None:
    if mode.value == "system":
        _apply()


def _apply() -> None:
    dark = mode.value == "dark" or (
        mode.value == "system" and QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark
    )
    tokens = DARK if dark else LIGHT
    app = QApplication.instance()
    if not isinstance(app, QApplication):
        raise TypeError("a theme needs a QApplication")
    if tokens is current.value and app.styleSheet():
        return
    app.setPalette(palette(tokens))
    app.setStyleSheet(style_sheet(tokens))
    current.value = tokens
