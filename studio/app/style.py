"""The one style sheet, made from the tokens. What it cannot draw well is painted in `widgets/`."""

from __future__ import annotations

from string import Template
from typing import TYPE_CHECKING

from msgspec import structs

if TYPE_CHECKING:
    from studio.app.theme import Tokens

_SHEET = Template("""
* { outline: none; }
QToolTip { background: $raised; color: $text; border: 1px solid $border; padding: 4px 8px; }
QLineEdit, QPlainTextEdit, QTextEdit, QTextBrowser {
    background: $background; color: $text; border: 1px solid $border; border-radius: 8px;
    padding: 6px 9px; selection-background-color: $accent; selection-color: $accent_text;
}
QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus, QTextBrowser:focus {
    border: 2px solid $accent; padding: 5px 8px;
}
QLineEdit:disabled, QPlainTextEdit:disabled { color: $muted; background: $raised; }
QLineEdit[invalid="true"] { border: 2px solid $bad; padding: 5px 8px; }
QLineEdit[compact="true"] { padding: 0 6px; }
QLineEdit[compact="true"]:focus, QLineEdit[compact="true"][invalid="true"] { padding: 0 5px; }
*[plain="true"], *[plain="true"]:focus {
    background: transparent; border: none; padding: 0; border-radius: 0;
}
QLabel { background: transparent; color: $text; }
QLabel[role="strong"] { font-weight: 600; }
QLabel[role="label"] { font-size: 13px; }
QLabel[role="small"] { font-size: 12px; color: $muted; }
QLabel[role="muted"] { font-size: 13px; color: $muted; }
QLabel[role="title"] { font-size: 16px; font-weight: 600; }
QLabel[role="heading"] { font-size: 22px; font-weight: 600; }
QLabel[role="error"] { font-size: 12px; color: $bad; }
Card { background: $surface; border: 1px solid $border; border-radius: 12px; }
Card[flat="true"] { background: $background; }
CardHeader {
    background: qlineargradient(x1:0, y1:0, x2:1, y2:0.4, stop:0 $soft_accent, stop:1 $raised);
    border: none; border-top-left-radius: 11px; border-top-right-radius: 11px;
}
Separator { background: $border; border: none; }
QScrollArea { background: transparent; border: none; }
QAbstractItemView { background: $surface; color: $text; border: none; }
ThumbnailStrip { background: transparent; }
QListWidget[rows="true"] { background: transparent; }
QListWidget[rows="true"]::item { padding: 9px 12px; border-radius: 8px; color: $text; }
QListWidget[rows="true"]::item:hover { background: $raised; }
QListWidget[rows="true"]::item:selected { background: $soft_accent; color: $text; }
QListWidget[rows="true"]::item:selected:focus { border: 1px solid $accent; padding: 8px 11px; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 2px; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 2px; }
QScrollBar::handle { background: $border; border-radius: 3px; min-height: 32px; min-width: 32px; }
QScrollBar::handle:hover { background: $muted; }
QScrollBar::handle:disabled { background: transparent; }
QScrollBar::add-line, QScrollBar::sub-line, QScrollBar::add-page, QScrollBar::sub-page {
    background: none; border: none; width: 0; height: 0;
}
QComboBox { combobox-popup: 0; }
QComboBox QAbstractItemView { background: $surface; border: 1px solid $border; padding: 4px; }
QMenu { background: $surface; color: $text; border: 1px solid $border; border-radius: 8px; padding: 6px; }
QMenu::item { padding: 7px 28px 7px 12px; border-radius: 6px; }
QMenu::item:selected { background: $soft_accent; color: $text; }
QMenu::item:disabled { color: $muted; }
QMenu::separator { height: 1px; background: $border; margin: 6px 4px; }
QMenu::icon { padding-left: 8px; }
QSplitter::handle { background: transparent; }
""")


def style_sheet(tokens: Tokens) -> str:
    """The sheet in the colours of *tokens*."""
    return _SHEET.substitute(structs.asdict(tokens))
