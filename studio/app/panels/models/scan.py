"""Finds the models of other programs on this computer, and takes the chosen ones into the list. Not modal."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QDialog, QFileDialog, QHBoxLayout, QStackedLayout, QVBoxLayout, QWidget

from studio.app.desk import Desk
from studio.app.found.row import FoundRow
from studio.app.found.viewmodel import FoundModels
from studio.app.language import bind_text, on_language
from studio.app.observable import watch
from studio.app.widgets.button import Button
from studio.app.widgets.chips import Chip
from studio.app.widgets.empty_state import EmptyState
from studio.app.widgets.label import Label
from studio.app.widgets.scroll import ScrollColumn
from studio.domain.text import t
from studio.services.scan.scan import Scan, Seen

BATCH = 40  # rows made at once: there may be thousands
SKIPPED = 5  # folders that were not looked into, named


class ScanDialog(QDialog):
    """Looks as soon as it opens, in *folder* or in the usual places; then wherever the user says."""

    def __init__(self, desk: Desk, parent: QWidget | None = None, folder: Path | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(860, 640)
        bind_text(self.setWindowTitle, "found.title")
        self.models = FoundModels(desk)
        self.rows: list[FoundRow] = []
        self._wanted: list[Seen] = []
        self.folder = Button("found.folder", "folder", "secondary")
        self.compare = Button("found.compare", "copy", "quiet")
        self.use_all = Button("found.use_all", "check", "primary")
        self.more = Button("found.more", "chevron_down", "quiet")
        self.usable = Chip("found.usable", "check")
        self.usable.setCheckable(True)
        self.usable.setChecked(True)
        self._told, self._skipped = Label(role="muted", wrap=True), Label(role="small", wrap=True)
        self._scroll = ScrollColumn(margins=(2, 2, 14, 2), spacing=8)
        self._rows = QVBoxLayout()
        self._pages = QStackedLayout()
        self._lay_out()
        self.folder.clicked.connect(self._choose)
        self.compare.clicked.connect(self.models.compare)
        self.use_all.clicked.connect(lambda: self.models.use_all(self._wanted))
        self.more.clicked.connect(self._add_rows)
        self.usable.toggled.connect(self._narrow)
        watch(self.models.scan, self._found)
        for state in (self.models.looking, self.models.comparing, self.models.used, self.models.copies):
            watch(state, self._changed)
        on_language(self._tell)
        self.models.look(folder)

    def _lay_out(self) -> None:
        tools = QHBoxLayout()
        tools.setSpacing(8)
        tools.addWidget(self.usable)
        tools.addStretch(1)
        for button in (self.compare, self.folder, self.use_all):
            tools.addWidget(button)
        self._rows.setSpacing(8)
        self._scroll.body.addLayout(self._rows)
        self._scroll.body.addWidget(self.more, 0, Qt.AlignmentFlag.AlignHCenter)
        self._scroll.body.addWidget(self._skipped)
        self._scroll.body.addStretch(1)
        nothing = EmptyState("search", "found.nothing", "found.nothing.words", "found.folder", "folder")
        nothing.clicked.connect(self._choose)
        holder = QWidget()
        holder.setLayout(self._pages)
        self._pages.addWidget(self._scroll)
        self._pages.addWidget(nothing)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 20, 20, 20)
        column.setSpacing(12)
        column.addWidget(Label("found.title", "title"))
        column.addWidget(Label("found.in_place", "muted", wrap=True))
        column.addLayout(tools)
        column.addWidget(self._told)
        column.addWidget(holder, 1)

    def closeEvent(self, event: QCloseEvent) -> None:
        self.models.close()
        super().closeEvent(event)

    def _choose(self) -> None:
        dialog = QFileDialog(self, t("found.folder"))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(lambda path: self.models.look(Path(path)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    # --- what was found -------------------------------------------------------------------------

    def _found(self, _: Scan | None) -> None:
        self._list()

    def _narrow(self, on: bool) -> None:
        self.usable.set_icon("check" if on else "")  # not by colour alone
        self._list()

    def _list(self) -> None:
        """Those that are wanted, from the beginning; what can be used comes first."""
        found = self.models.scan.value.found if self.models.scan.value else ()
        wanted = [seen for seen in found if seen.finding.runnable or not self.usable.isChecked()]
        self._wanted = sorted(wanted, key=lambda seen: (not seen.finding.runnable, seen.title.casefold()))
        for row in self.rows:
            row.hide()
            row.deleteLater()
        self.rows = []
        self._add_rows()
        self._tell()

    def _add_rows(self) -> None:
        for seen in self._wanted[len(self.rows) : len(self.rows) + BATCH]:
            row = FoundRow(self.models, seen)
            self._rows.addWidget(row)
            self.rows.append(row)
        self.more.setVisible(len(self.rows) < len(self._wanted))

    def _changed(self, _: object) -> None:
        self._tell()

    def _tell(self) -> None:
        scan, looking = self.models.scan.value, self.models.looking.value
        found = scan.found if scan else ()
        usable = [seen for seen in found if seen.finding.runnable]
        left = [seen for seen in usable if seen.finding.path not in self.models.used.value]
        if looking is not None:
            words = t("found.looking", count=looking)
        elif self.models.comparing.value:
            words = t("found.comparing")
        else:
            words = t("found.told", count=len(found), usable=len(usable))
        self._told.setText(words)
        self._pages.setCurrentIndex(0 if self._wanted or looking is not None else 1)
        self.use_all.setEnabled(bool(left) and looking is None)
        self.compare.setEnabled(len(found) > 1 and looking is None and not self.models.comparing.value)
        self.folder.setEnabled(looking is None)
        trouble = scan.trouble if scan else ()
        lines = [t("scan.skipped", path=one.path, why=t(one.key)) for one in trouble[:SKIPPED]]
        if len(trouble) > SKIPPED:
            lines.append(t("found.skipped_more", count=len(trouble) - SKIPPED))
        self._skipped.setText("\n".join(lines))
        self._skipped.setVisible(bool(lines))
