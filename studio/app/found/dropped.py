"""What was dropped on the window: what it is, and whether to use it. Not modal."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from studio.app.desk import Desk
from studio.app.found.row import FoundRow
from studio.app.found.viewmodel import FoundModels
from studio.app.language import bind_text
from studio.app.observable import watch
from studio.app.widgets.button import Button
from studio.app.widgets.label import Label
from studio.domain.finding import Finding
from studio.services.scan.scan import Seen


class DroppedModel(QDialog):
    """Closes itself once it is used."""

    def __init__(self, desk: Desk, finding: Finding, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(620)
        bind_text(self.setWindowTitle, "found.dropped")
        self._desk, self._path = desk, finding.path
        self.models = FoundModels(desk)
        self.row = FoundRow(self.models, Seen(finding, "", Path(finding.path).name))
        self.close_button = Button("app.dismiss", "", "secondary")
        self.close_button.clicked.connect(self.close)
        words = Label("found.in_place", "muted", wrap=True)
        buttons = QHBoxLayout()
        buttons.addWidget(words, 1)
        buttons.addWidget(self.close_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 20, 20, 20)
        column.setSpacing(14)
        column.addWidget(Label("found.dropped", "title"))
        column.addWidget(self.row)
        column.addLayout(buttons)
        self._was = self._path in self.models.used.value
        watch(self.models.used, self._used)

    def _used(self, used: frozenset[str]) -> None:
        if self._path in used and not self._was:
            self._desk.go("models")
            self.close()

    def closeEvent(self, event: QCloseEvent) -> None:
        self.models.close()
        super().closeEvent(event)
