"""A model on the disk: what it takes, when it was last used, and one click for each thing to do with it."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QVBoxLayout, QWidget

from studio.app import files, icons
from studio.app.language import bind_text, on_language
from studio.app.observable import Property, bind
from studio.app.panels.disk.viewmodel import DiskModel, RowState
from studio.app.strip_feed import ICONS
from studio.app.widgets.announce import announce
from studio.app.widgets.button import Button, IconButton
from studio.app.widgets.card import IconTile
from studio.app.widgets.chips import Tag
from studio.app.widgets.label import ElidedLabel, Label
from studio.app.widgets.meter import Meter
from studio.app.widgets.paint import set_tooltip
from studio.domain.quantity import size
from studio.domain.text import t

_USED, _SIZE = 120, 76  # widths of the columns
_DAY = 86_400
_NAMED = 6  # files that a check found wrong; of more there is the number


class ModelRow(QWidget):
    def __init__(self, model: DiskModel, state: Property[RowState]) -> None:
        super().__init__()
        self._model, self._state = model, state
        self._asked = ""
        self._title, self._place = ElidedLabel(role="strong"), ElidedLabel(role="small", middle=True)
        self._tag, self._twice = Tag(), Tag(icon="copy", tone="warning")
        self._used, self._size = Label(role="muted"), Label(role="body")
        self.check = self._button("check", "disk.check", model.check)
        self.move_to = IconButton("arrow_right", "disk.move", framed=False)
        self.move_to.clicked.connect(self._choose_root)
        self.export = IconButton("upload", "disk.export", framed=False)
        self.export.clicked.connect(self._choose_folder)
        self.show_in = IconButton("reveal", "disk.show", framed=False)
        self.show_in.clicked.connect(lambda: files.reveal(self._state.value.takes.stored.folder))
        self.remove = self._button("delete", "disk.remove", model.ask_remove)
        self.repair = Button("disk.repair", "retry", "primary")
        self.repair.clicked.connect(lambda: model.repair(state.value.key))
        self.meter, self._how_far = Meter(), Label(role="small")
        self.stop = self._button("cancel", "disk.stop", model.stop)
        self._words = Label(role="label", wrap=True)
        self.yes, self.no = Button(kind="danger", icon="delete"), Button("disk.keep")
        self.yes.clicked.connect(self._agree)
        self.no.clicked.connect(lambda: model.keep(state.value.key))
        self._files = Label(role="small", wrap=True)
        self._going, self._asking = QWidget(), QWidget()
        self._lay_out()
        bind(state, self._show)
        on_language(self._say)

    def _button(self, icon: str, key: str, do: object) -> IconButton:
        button = IconButton(icon, key, framed=False)
        button.clicked.connect(lambda: do(self._state.value.key))  # type: ignore[operator]
        return button

    def _lay_out(self) -> None:
        words = QVBoxLayout()
        words.setSpacing(1)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self._title, 1)
        head.addWidget(self._tag)
        head.addWidget(self._twice)
        words.addLayout(head)
        words.addWidget(self._place)
        self._used.setFixedWidth(_USED)
        self._size.setFixedWidth(_SIZE)
        for label in (self._used, self._size):
            label.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        top = QHBoxLayout()
        top.setSpacing(12)
        top.addWidget(IconTile(ICONS.get(self._state.value.task, "models"), side=36))
        top.addLayout(words, 1)
        top.addWidget(self.repair)
        top.addWidget(self._used)
        top.addWidget(self._size)
        actions = QHBoxLayout()
        actions.setSpacing(2)
        for button in (self.check, self.move_to, self.export, self.show_in, self.remove):
            actions.addWidget(button)
        top.addLayout(actions)
        going = QHBoxLayout(self._going)
        going.setContentsMargins(48, 0, 0, 0)
        going.setSpacing(10)
        going.addWidget(self.meter, 1)
        going.addWidget(self._how_far)
        going.addWidget(self.stop)
        asking = QHBoxLayout(self._asking)
        asking.setContentsMargins(48, 0, 0, 0)
        asking.setSpacing(8)
        asking.addWidget(self._words, 1)
        asking.addWidget(self.yes)
        asking.addWidget(self.no)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 2, 0, 2)
        column.setSpacing(8)
        column.addLayout(top)
        self._files.setContentsMargins(48, 0, 0, 0)
        column.addWidget(self._files)
        column.addWidget(self._going)
        column.addWidget(self._asking)

    # --- showing -------------------------------------------------------------------------------

    def _show(self, state: RowState) -> None:
        doing = state.doing
        report = doing.report if doing else None
        self._going.setVisible(state.busy)
        self._asking.setVisible(bool(state.asking) and not state.busy)
        self.repair.setVisible(report is not None and not report.whole and not state.busy)
        for button in (self.check, self.move_to, self.export, self.remove):
            button.setEnabled(not state.busy)
        self.move_to.setVisible(bool(state.targets))
        if doing is not None and state.busy:
            running = doing.state == "running" and doing.total
            self.meter.set_value(doing.done / doing.total if running else 0.0)
        self._say()
        if state.asking and state.asking != self._asked:
            announce(self, self._words.text())
            self.no.setFocus()  # Enter pressed twice must not delete
        self._asked = state.asking

    def _say(self) -> None:
        state = self._state.value
        stored = state.takes.stored
        self._title.setText(state.title)
        self._place.setText(f"{stored.record.place}  •  {stored.root}")
        self._size.setText(size(state.takes.bytes))
        self._used.setText(used_words(state.takes.last_used, time.time()))
        self._twice.setVisible(bool(state.takes.twice))
        self._twice.set_text(t("store.twice"))
        set_tooltip(self._twice, "\n".join(state.takes.twice))
        self._say_checked()
        self.setAccessibleName(f"{state.title}, {self._size.text()}, {self._used.text()}")
        for button in (self.check, self.move_to, self.export, self.show_in, self.remove, self.stop):
            button.setAccessibleName(t("models.button", what=button.toolTip(), title=state.title))
        if state.busy and state.doing is not None:
            doing = state.doing
            what = t("disk.waiting") if doing.state == "waiting" else t(f"disk.doing.{doing.kind}")
            amount = t("download.of", done=size(doing.done), total=size(doing.total)) if doing.total else ""
            self._how_far.setText("  •  ".join(filter(None, (what, amount))))
        for_good = state.asking == "no_trash"
        words = t("disk.no_trash" if for_good else "disk.remove.words", size=size(state.takes.bytes))
        needed = [t("store.needed", titles=", ".join(state.needing))] if state.needing else []
        self._words.setText(" ".join([words, *needed]))
        self.yes.setText(t("disk.for_good" if for_good else "disk.to_trash"))

    def _say_checked(self) -> None:
        doing = self._state.value.doing
        report = doing.report if doing and not doing.is_going_on else None
        self._tag.setVisible(report is not None)
        odd = [file for file in report.files if file.state != "right"] if report else []
        lines = [
            t("store.file", state=t(f"store.file.{file.state}"), path=file.path) for file in odd[:_NAMED]
        ]
        if len(odd) > _NAMED:
            lines.append(t("disk.more_files", count=len(odd) - _NAMED))
        self._files.setText("\n".join(lines))
        self._files.setVisible(bool(lines))
        if report is None:
            return
        wrong = len(report.wrong)
        self._tag.set_icon("warning" if wrong else "check")
        self._tag.set_tone("bad" if wrong else "ok")
        self._tag.set_text(t("disk.broken", count=wrong) if wrong else t("disk.whole"))

    # --- doing ---------------------------------------------------------------------------------

    def _agree(self) -> None:
        state = self._state.value
        self._model.remove(state.key, for_good=state.asking == "no_trash")

    def _choose_root(self) -> None:
        self.root_menu().popup(self.move_to.mapToGlobal(QPoint(0, self.move_to.height() + 4)))

    def root_menu(self) -> QMenu:
        """Where it may go. The menu deletes itself."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        key = self._state.value.key
        for root in self._state.value.targets:
            action = menu.addAction(icons.icon("disk"), str(root).replace("&", "&&"))
            action.triggered.connect(partial(self._model.move, key, root))
        return menu

    def _choose_folder(self) -> None:
        key = self._state.value.key
        dialog = QFileDialog(self, t("disk.export"))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(lambda path: self._model.export(key, Path(path)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()


def used_words(used: float | None, now: float) -> str:
    """When a model was last used, as people say it."""
    if used is None:
        return t("disk.used.never")
    days = int(now // _DAY - used // _DAY)
    if days < 2:
        return t("disk.used.yesterday" if days == 1 else "disk.used.today")
    return t("disk.used.days", count=days) if days < 60 else t("disk.used.months", count=days // 30)


def section(key: str, icon: str) -> QHBoxLayout:
    """The head of a card; more is added at its right."""
    row = QHBoxLayout()
    row.setSpacing(10)
    row.addWidget(IconTile(icon, side=32))
    title = Label(role="title")
    bind_text(title.setText, key)
    row.addWidget(title)
    row.addStretch(1)
    return row
