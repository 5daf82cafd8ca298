"""The words that Qt itself shows (menus of text fields, file dialogs), in the window's language."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QObject, QTranslator

from studio.app.language import on_language
from studio.domain import text


class QtWords(QTranslator):
    """Follows the language for as long as *owner* lives. Qt's own words are English."""

    def __init__(self, owner: QObject) -> None:
        super().__init__(owner)
        on_language(self._follow)

    def _follow(self) -> None:
        QCoreApplication.removeTranslator(self)
        folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
        if text.language() != "en" and self.load(f"qtbase_{text.language()}", folder):
            QCoreApplication.installTranslator(self)
