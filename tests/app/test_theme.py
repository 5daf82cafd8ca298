from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QGuiApplication, QIcon, QPalette
from PySide6.QtWidgets import QApplication

from studio.app import fonts, icons, motion, reduced_motion, theme
from studio.app.style import style_sheet
from studio.app.widgets.paint import mix

THEMES = [theme.LIGHT, theme.DARK]
NAMES = (
    *("background", "surface", "raised", "border", "text", "muted"),
    *("accent", "accent_text", "soft_accent", "ok", "warning", "bad"),
)
DARK = (
    *("#14161b", "#1b1e25", "#242833", "#2e3340", "#e8eaee", "#98a1b2"),
    *("#8b93ff", "#12131a", "#2a2d4a", "#4fc08d", "#e0a83e", "#f07167"),
)
LIGHT = (
    *("#f5f6f8", "#ffffff", "#f0f1f5", "#e2e5ea", "#1b1f27", "#5d6778"),
    *("#4f5bd5", "#ffffff", "#e9ebfd", "#18794e", "#8a5c00", "#c0362c"),
)
# What is written in which colour on what, anywhere in the window.
ON_ANY_SURFACE = ("text", "muted", "accent", "ok", "warning", "bad")
PAIRS = [(ink, paper) for ink in ON_ANY_SURFACE for paper in ("background", "surface", "raised")]
PAIRS += [("accent", "soft_accent"), ("text", "soft_accent"), ("accent_text", "accent")]


def luminance(color: QColor) -> float:
    def linear(share: float) -> float:
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    return 0.2126 * linear(color.redF()) + 0.7152 * linear(color.greenF()) + 0.0722 * linear(color.blueF())


def contrast(first: QColor, second: QColor) -> float:
    light, dark = sorted((luminance(first), luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_is_computed_as_the_guidelines_say() -> None:
    assert contrast(QColor("white"), QColor("black")) == pytest.approx(21.0)
    assert contrast(QColor("#777777"), QColor("white")) == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize(("tokens", "values"), [(theme.DARK, DARK), (theme.LIGHT, LIGHT)])
def test_the_tokens_are_those_of_the_design(tokens: theme.Tokens, values: tuple[str, ...]) -> None:
    assert tuple(getattr(tokens, name) for name in NAMES) == values


@pytest.mark.parametrize("tokens", THEMES)
@pytest.mark.parametrize(("ink", "paper"), PAIRS)
def test_every_text_can_be_read(tokens: theme.Tokens, ink: str, paper: str) -> None:
    ratio = contrast(QColor(getattr(tokens, ink)), QColor(getattr(tokens, paper)))
    assert ratio >= 4.5, f"{ink} on {paper}: {ratio:.2f}"


@pytest.mark.parametrize("tokens", THEMES)
@pytest.mark.parametrize("tone", ["ok", "accent", "warning", "bad"])
def test_a_banner_can_be_read(tokens: theme.Tokens, tone: str) -> None:
    paper = mix(QColor(tokens.surface), QColor(getattr(tokens, tone)), 0.08)
    for ink in ("text", "muted"):
        assert contrast(QColor(getattr(tokens, ink)), paper) >= 4.5


@pytest.mark.parametrize("tokens", THEMES)
def test_the_sheet_is_complete(tokens: theme.Tokens) -> None:
    sheet = style_sheet(tokens)
    assert "$" not in sheet
    assert tokens.accent in sheet


def test_the_theme_switches_live(look: QApplication) -> None:
    theme.set_mode("dark")
    assert theme.is_dark()
    assert look.palette().color(QPalette.ColorRole.Window).name() == theme.DARK.background
    assert theme.DARK.surface in look.styleSheet()
    theme.set_mode("light")
    assert look.palette().color(QPalette.ColorRole.Window).name() == theme.LIGHT.background
    with pytest.raises(ValueError, match="pink"):
        theme.set_mode("pink")


def test_the_system_is_followed_while_nothing_else_is_chosen(
    look: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = Qt.ColorScheme.Dark

    class Hints:
        def colorScheme(self) -> Qt.ColorScheme:
            return answer

        def unsetColorScheme(self) -> None: ...

        def setColorScheme(self, scheme: Qt.ColorScheme) -> None: ...

    hints = look.styleHints()
    monkeypatch.setattr(QGuiApplication, "styleHints", staticmethod(Hints))
    theme.set_mode("system")
    assert theme.is_dark()
    answer = Qt.ColorScheme.Light
    hints.colorSchemeChanged.emit(answer)
    assert not theme.is_dark()
    theme.set_mode("dark")
    hints.colorSchemeChanged.emit(answer)
    assert theme.is_dark(), "a choice of the user's own is not overruled"


def test_every_icon_is_the_glyph_that_its_name_says(look: QApplication) -> None:
    spec = find_spec("qtawesome")
    assert spec is not None
    assert spec.origin
    charmap = next((Path(spec.origin).parent / "fonts").glob("phosphor-charmap-*.json"))
    codes = json.loads(charmap.read_text())
    wrong = {
        name: glyph for name, (glyph, code) in icons.TABLE.items() if int(codes.get(glyph, "0"), 16) != code
    }
    assert wrong == {}
    assert all(not icons._outline(name).isEmpty() for name in (*icons.TABLE, "speak"))


def test_an_icon_takes_the_colour_of_the_theme_in_use(look: QApplication) -> None:
    made = icons.icon("stop", "accent", on="bad")

    def inks(state: QIcon.State) -> set[str]:
        image = made.pixmap(QSize(64, 64), QIcon.Mode.Normal, state).toImage()
        pixels = (image.pixelColor(x, y) for x in range(64) for y in range(64))
        return {pixel.name() for pixel in pixels if pixel.alpha() == 255}

    assert inks(QIcon.State.Off) == {theme.LIGHT.accent}
    theme.set_mode("dark")
    assert inks(QIcon.State.Off) == {theme.DARK.accent}
    assert inks(QIcon.State.On) == {theme.DARK.bad}
    with pytest.raises(KeyError):
        icons.icon("no such icon")


def test_digits_have_one_width(look: QApplication) -> None:
    from PySide6.QtGui import QFontMetricsF

    metrics = QFontMetricsF(fonts.ui_font())
    assert len({round(metrics.horizontalAdvance(digit * 10), 3) for digit in "0123456789"}) == 1


def test_motion_is_short_and_can_be_switched_off() -> None:
    motion.set_preference("full")
    assert 0 < motion.duration() <= 150
    motion.set_preference("reduced")
    assert motion.duration() == 0
    with pytest.raises(ValueError, match="wild"):
        motion.set_preference("wild")


def test_what_systems_say_about_motion(tmp_path: Path) -> None:
    import plistlib

    kde, mac = tmp_path / "kdeglobals", tmp_path / "access.plist"
    assert not reduced_motion.kde_asks(kde)
    assert not reduced_motion.mac_asks(mac)
    kde.write_text("[KDE]\nAnimationDurationFactor=0\n")
    mac.write_bytes(plistlib.dumps({"reduceMotion": True}))
    assert reduced_motion.kde_asks(kde)
    assert reduced_motion.mac_asks(mac)
    kde.write_text("AnimationDurationFactor=0\n")
    mac.write_bytes(b"damaged")
    assert not reduced_motion.kde_asks(kde)
    assert not reduced_motion.mac_asks(mac)


def test_the_style_is_fusion_whatever_the_desktop_wants(root: Path) -> None:
    code = (
        "import sys; from PySide6.QtWidgets import QApplication; from studio.app import theme\n"
        "print(QApplication(['', *(theme.STYLE if sys.argv[1:] else ())]).style().name())"
    )
    desktop = {**os.environ, "QT_STYLE_OVERRIDE": "windows"}
    for arguments, style in ((["ours"], "fusion"), ([], "windows")):
        command = [sys.executable, "-c", code, *arguments]
        ran = subprocess.run(command, cwd=root, env=desktop, capture_output=True, text=True, check=True)
        assert ran.stdout.strip() == style
