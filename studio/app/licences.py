"""A licence in plain words, with its text's address: shown before anything is fetched."""

from __future__ import annotations

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from studio.app.language import on_language
from studio.app.widgets.button import Button
from studio.app.widgets.label import ElidedLabel, Label
from studio.domain.licence import Licence, Part, together
from studio.domain.licence_words import lines
from studio.domain.text import language, t

TONES = {"yes": "muted", "limited": "warning", "no": "bad", "unknown": "muted"}


def licence_words(licence: Licence) -> str:
    """What it allows: may results be sold, within which limits, and does the hub ask for an account."""
    parts = list(lines(together([Part(title={}, licence=licence)])))
    if licence.gated:
        parts.append(t("licence.gated.words"))
    return ("" if language() == "zh_CN" else " ").join(parts)  # Chinese sentences stand without spaces


def open_licence(licence: Licence) -> None:
    """Its text, in the system's browser."""
    QDesktopServices.openUrl(QUrl(licence.url))


class LicenceSheet(QWidget):
    """The licence's name, what it allows, the address of its text and a button that opens it."""

    def __init__(self, licence: Licence, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._licence = licence
        self._name = Label(role="strong")
        self._words = Label(role="label", wrap=True)
        self._address = ElidedLabel(role="small", middle=True)
        self._address.setText(licence.url)
        self._address.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.open = Button("licence.open", "external", "quiet")
        self.open.setFixedHeight(28)
        self.open.clicked.connect(lambda: open_licence(self._licence))
        link = QHBoxLayout()
        link.setSpacing(8)
        link.addWidget(self._address, 1)
        link.addWidget(self.open)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        column.addWidget(self._name)
        column.addWidget(self._words)
        column.addLayout(link)
        on_language(self._say)

    def _say(self) -> None:
        self._name.setText(t("licence.title", id=self._licence.id))
        self._words.setText(licence_words(self._licence))
