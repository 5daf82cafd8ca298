"""All keys of the window, to read and to change. Not modal."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import QDialog, QGridLayout, QKeySequenceEdit, QVBoxLayout, QWidget

from studio.app import keys
from studio.app.language import on_language
from studio.app.widgets.button import IconButton
from studio.app.widgets.label import Label
from studio.app.widgets.scroll import ScrollColumn
from studio.domain.text import t


class KeysDialog(QDialog):
    """Lists what something in the window answers to now. A key that is taken is refused with its holder."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(480, 560)
        self._error = Label(role="error", wrap=True)
        self._rows: dict[str, tuple[Label, QKeySequenceEdit]] = {}
        scroll = ScrollColumn(margins=(4, 4, 14, 4))
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(0, 1)
        for row, name in enumerate(keys.used()):
            label, edit = Label(), QKeySequenceEdit(QKeySequence(keys.sequence(name)))
            edit.setMaximumSequenceLength(1)
            edit.setClearButtonEnabled(True)
            edit.setFixedWidth(180)
            edit.editingFinished.connect(lambda name=name: self._edited(name))
            back = IconButton("undo", "keys.default", framed=False, side=30)
            back.clicked.connect(lambda _=False, name=name: self._change(name, keys.DEFAULTS[name]))
            for column, part in enumerate((label, edit, back)):
                grid.addWidget(part, row, column)
            self._rows[name] = (label, edit)
        scroll.body.addLayout(grid)
        scroll.body.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 20, 20, 20)
        column.addWidget(Label("keys.title", "title"))
        column.addWidget(self._error)
        column.addWidget(scroll, 1)
        self._error.hide()
        on_language(self._retranslate)

    def _retranslate(self) -> None:
        self.setWindowTitle(t("keys.title"))
        for name, (label, edit) in self._rows.items():
            label.setText(keys.title(name))
            edit.setAccessibleName(keys.title(name))

    def _edited(self, name: str) -> None:
        wanted = self._rows[name][1].keySequence().toString(QKeySequence.SequenceFormat.PortableText)
        if wanted != keys.sequence(name):
            self._change(name, wanted)

    def _change(self, name: str, wanted: str) -> None:
        holder = keys.taken_by(wanted) if wanted else None
        if holder is not None and holder != name:
            self._error.setText(t("keys.taken", key=wanted, holder=keys.title(holder)))
        else:
            keys.set_sequence(name, wanted)
        self._error.setVisible(holder not in (None, name))
        self._rows[name][1].setKeySequence(QKeySequence(keys.sequence(name)))
