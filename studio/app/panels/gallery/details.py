"""What the right side tells of the chosen results, and what can be done with them."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from pathlib import Path

from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QGuiApplication, QImage
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from studio.app import files, pictures
from studio.app.language import on_language
from studio.app.observable import bind
from studio.app.panels.gallery.thumbnails import read_text
from studio.app.panels.gallery.viewmodel import GalleryModel
from studio.app.widgets.button import Button, IconButton
from studio.app.widgets.inspector import Inspector
from studio.app.widgets.label import ElidedLabel, Label
from studio.domain.quantity import size
from studio.domain.text import t
from studio.services.gallery import Result

log = logging.getLogger(__name__)

MOST_TEXT = 1_000_000  # characters to the clipboard


class Details(Inspector):
    def __init__(self, model: GalleryModel) -> None:
        super().__init__("gallery.details")
        self._model = model
        self._copying: asyncio.Future[None] | None = None
        self._none = Label("gallery.details.none", "muted", wrap=True)
        self._prompt = Label(wrap=True)
        self._prompt.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._when = Label(role="small")
        self._facts = QWidget()
        self._rows = QGridLayout(self._facts)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setHorizontalSpacing(14)
        self._rows.setVerticalSpacing(8)
        self._rows.setColumnStretch(1, 1)
        self.body.setSpacing(14)
        for part in (self._none, self._prompt, self._when, self._facts):
            self.body.addWidget(part)
        self.body.addStretch(1)
        self._buttons()
        bind(model.selected, self._show)
        on_language(self._again)

    def close_down(self) -> None:
        if self._copying is not None:
            self._copying.cancel()

    def _buttons(self) -> None:
        self.use = Button("gallery.use_again", "again", "primary")
        self.use.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.use.clicked.connect(self._model.use_again)
        self.open = IconButton("fit", "gallery.open")
        self.copy = IconButton("copy", "gallery.copy")
        self.bare = IconButton("offline", "gallery.copy_bare")
        self.reveal = IconButton("reveal", "app.reveal")
        self.delete = IconButton("delete", "gallery.delete")
        self.open.clicked.connect(lambda: self._model.open(self._model.selected.value[0]))
        self.copy.clicked.connect(self.copy_chosen)
        self.bare.clicked.connect(self.copy_pixels)
        self.reveal.clicked.connect(lambda: files.reveal(self._model.selected.value[0].path))
        self.delete.clicked.connect(self._model.delete)
        row = QHBoxLayout()
        row.setSpacing(8)
        for button in (self.open, self.copy, self.bare, self.reveal):
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(self.delete)
        self._foot = QWidget()
        column = QVBoxLayout(self._foot)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(10)
        column.addWidget(self.use)
        column.addLayout(row)
        self.foot.addWidget(self._foot)

    # --- showing --------------------------------------------------------------------------------

    def _again(self) -> None:
        self._show(self._model.selected.value)

    def _show(self, chosen: tuple[Result, ...]) -> None:
        one = chosen[0] if len(chosen) == 1 else None
        self._foot.setVisible(bool(chosen))
        self.use.setVisible(one is not None and one.request is not None)
        self.open.setVisible(one is not None)
        self.reveal.setVisible(one is not None)
        self.bare.setVisible(one is not None and one.media_type.startswith("image/"))
        self._none.setVisible(one is None)
        for part in (self._prompt, self._when, self._facts):
            part.setVisible(one is not None)
        if one is not None:
            self._prompt.setText(one.prompt or one.path.name)
            self._when.setText(moment(one.created))
            self._list(self._model.facts(one))
        elif chosen:
            total = size(sum(each.bytes for each in chosen))
            self._none.setText(t("gallery.details.many", count=len(chosen), size=total))
        else:
            self._none.setText(t("gallery.details.none"))

    def _list(self, facts: list[tuple[str, str]]) -> None:
        while (item := self._rows.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for row, (name, value) in enumerate(facts):
            label, text = Label(role="muted"), ElidedLabel(role="label", middle=True)
            label.setText(name)
            text.setText(value)
            text.setAlignment(Qt.AlignmentFlag.AlignRight)
            self._rows.addWidget(label, row, 0)
            self._rows.addWidget(text, row, 1)

    # --- copying --------------------------------------------------------------------------------

    def copy_chosen(self) -> None:
        """The words of one text; else the files, with all that stands in them."""
        chosen = self._model.selected.value
        if len(chosen) == 1 and chosen[0].media_type.startswith("text/"):
            self._copy(self._copy_text(chosen[0].path))
        elif chosen:
            data = QMimeData()
            data.setUrls([QUrl.fromLocalFile(str(each.path)) for each in chosen])
            QGuiApplication.clipboard().setMimeData(data)
            self._model.desk.say(t("app.copied"))

    def copy_pixels(self) -> None:
        """One picture without its metadata."""
        chosen = self._model.selected.value
        if len(chosen) == 1 and chosen[0].media_type.startswith("image/"):
            self._copy(self._copy_image(chosen[0].path))

    async def _copy_text(self, path: Path) -> None:
        files.copy_text(await asyncio.to_thread(read_text, path, MOST_TEXT))
        self._model.desk.say(t("app.copied"))

    async def _copy_image(self, path: Path) -> None:
        image: QImage = await pictures.load(path)
        if not image.isNull():
            files.copy_image(image)
            self._model.desk.say(t("gallery.copied_bare"))

    def _copy(self, work) -> None:
        if self._copying is not None:
            self._copying.cancel()
        self._copying = asyncio.ensure_future(work)
        self._copying.add_done_callback(_report)


def moment(seconds: float) -> str:
    """A POSIX time as the reader's clock and calendar had it."""
    then = datetime.fromtimestamp(seconds, UTC).astimezone()
    today = datetime.now(UTC).astimezone().date()
    days = (today - then.date()).days
    day = (
        t("gallery.today") if days == 0 else t("gallery.yesterday") if days == 1 else then.date().isoformat()
    )
    return f"{day}  {then:%H:%M}"


def _report(task: asyncio.Future[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("a result could not be copied", exc_info=error)
