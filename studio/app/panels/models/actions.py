"""The lower part of a model's card, one page for each thing that can be going on with it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget
from shiboken6 import isValid

from studio.app.download_bar import DownloadBar
from studio.app.licences import LicenceSheet
from studio.app.panels.models.state import ModelState
from studio.app.panels.models.viewmodel import ModelsModel
from studio.app.widgets.announce import announce
from studio.app.widgets.button import Button, IconButton, PaintedButton
from studio.app.widgets.card import Separator
from studio.app.widgets.chips import Tag
from studio.app.widgets.label import Label
from studio.app.widgets.paint import set_tooltip
from studio.domain.plan import Fit
from studio.domain.quantity import size
from studio.domain.text import localized, t
from studio.services.downloads.state import State


class Page(QWidget):
    """`first`: the button that the keyboard goes to."""

    def __init__(self, model: ModelsModel, state: ModelState) -> None:
        super().__init__()
        self.model, self.id = model, state.model.id
        self.first: QWidget | None = None
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 2, 0, 0)
        self.column.setSpacing(10)
        self.setMinimumHeight(Button.HEIGHT + 2)
        self.build(state)

    def build(self, state: ModelState) -> None:
        """Put the parts in, once."""
        raise NotImplementedError

    def show_state(self, state: ModelState) -> None:
        """A later state of the same kind."""

    def name_buttons(self, title: str) -> None:
        """With many cards, "Get" alone says too little to a screen reader."""
        for button in self.findChildren(PaintedButton):
            words = button.words() or t(str(button.property("key")))
            if not button.words():
                set_tooltip(button, words)
            button.setAccessibleName(t("models.button", what=words, title=title))

    def row(self, *parts: QWidget) -> QHBoxLayout:
        """The parts from the left, in a row of their own."""
        row = QHBoxLayout()
        row.setSpacing(8)
        for part in parts:
            row.addWidget(part)
        row.addStretch(1)
        self.column.addLayout(row)
        return row

    def button(
        self, key: str, do: Callable[[str], object], icon: str = "", kind: str = "secondary"
    ) -> Button:
        button = Button(key, icon, kind)
        button.clicked.connect(lambda: do(self.id))
        self.first = self.first or button
        return button


class Installed(Page):
    def build(self, state: ModelState) -> None:
        installed = state.entry.installed
        row = self.row(Tag("models.installed", "check", "ok"))
        if installed is not None and installed.removable:
            row.addWidget(self.button("models.remove", self.model.ask_remove, "delete", "quiet"))
        else:
            row.addWidget(Label("models.comes_along", "small"))


class Own(Page):
    """The user's own files: only their place in the list can be given up."""

    def build(self, state: ModelState) -> None:
        here = state.entry.installed is not None
        tag = Tag("models.own", "check", "ok") if here else Tag("models.own.lost", "warning", "warning")
        self.row(tag, self.button("models.forget", self.model.forget, "remove", "quiet"))


class Removing(Page):
    def build(self, state: ModelState) -> None:
        freed = state.entry.installed.bytes if state.entry.installed else 0
        self.column.addWidget(Separator())
        words = Label("models.remove.words", "label", wrap=True, size=size(freed))
        self.column.addWidget(words)
        remove = self.button("models.remove.do", self.model.remove, "delete", "danger")
        self.first = None  # Enter pressed twice must not delete
        self.row(remove, self.button("models.keep", self.model.dismiss))
        announce(self, words.text())


class Moving(Page):
    def build(self, state: ModelState) -> None:
        del state
        self.bar = DownloadBar()
        self.pause, self.cancel = _icon("pause", "models.pause"), _icon("cancel", "models.cancel")
        self.pause.clicked.connect(self._pause)
        self.cancel.clicked.connect(lambda: self.model.cancel(self.id))
        self.first = self.pause
        self._paused = False
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.bar, 1)
        row.addWidget(self.pause)
        row.addWidget(self.cancel)
        self.column.addLayout(row)

    def show_state(self, state: ModelState) -> None:
        if state.download is None:
            return
        self.bar.show_state(state.download)
        paused = state.download.state is State.PAUSED
        if paused != self._paused:
            self._paused = paused
            self.pause.set_icon("play" if paused else "pause")
            self.pause.setProperty("key", "models.go_on" if paused else "models.pause")

    def _pause(self) -> None:
        (self.model.get if self._paused else self.model.pause)(self.id)


def _icon(icon: str, key: str) -> IconButton:
    button = IconButton(icon, key)
    button.setProperty("key", key)
    return button


class Failed(Page):
    def build(self, state: ModelState) -> None:
        self._title, self._page = localized(state.model.title), ""
        offline = state.failure is not None and state.failure.code == "download.offline"
        self._what, self._hint = Label(role="error", wrap=True), Label(role="small", wrap=True)
        self.column.addWidget(self._what)
        self.column.addWidget(self._hint)
        key = "models.go_online_get" if offline and self.model.can_go_online else "app.retry"
        again = self.button(key, self.model.retry, "retry", "primary")
        self._gate = self.button("models.gate", self._open_gate, "key")
        self.row(again, self._gate, self.button("models.give_up", self.model.cancel))

    def show_state(self, state: ModelState) -> None:
        failure = state.failure or (state.download.failure if state.download else None)
        if failure is not None and failure.message != self._what.text():
            self._what.setText(failure.message)
            self._hint.setText(failure.hint)
            announce(self, f"{failure.message} {failure.hint}", urgent=True)
        self._page = str(failure.values["url"]) if failure and failure.code == "model.gated" else ""
        self._gate.setVisible(bool(self._page))

    def _open_gate(self, model_id: str) -> None:
        from studio.app.gate import GateDialog

        get = partial(self.model.retry, model_id)
        GateDialog(self.model.desk, self._title, self._page, get, self.window()).show()


class Asked(Page):
    """The licence before the download."""

    def build(self, state: ModelState) -> None:
        self.sheet = LicenceSheet(state.model.licence)
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setTabChangesFocus(True)
        self.text.setMinimumHeight(180)
        self.text.hide()
        self.column.addWidget(self.sheet)
        self.column.addWidget(self.text)
        read = Button("licence.read", "text", "quiet")
        read.clicked.connect(lambda: self.model.read_licence(self.id, self._show_text))
        self.row(read)
        accept = self.button("models.accept", self.model.get, "download", "primary")
        self.row(accept, self.button("app.cancel", self.model.dismiss))

    def _show_text(self, text: str) -> None:
        if isValid(self):
            self.text.setPlainText(text or t("licence.no_text"))
            self.text.setAccessibleName(t("models.terms"))
            self.text.show()


class Offered(Page):
    def build(self, state: ModelState) -> None:
        estimate = state.speed.estimate
        too_large = estimate is not None and estimate.fit is Fit.RED
        get = self.button("models.get", self.model.ask, "download", "secondary" if too_large else "primary")
        self.row(get)


class Coming(Page):
    def build(self, state: ModelState) -> None:
        del state
        self.column.addWidget(Label("models.coming.words", "small", wrap=True))


class Absent(Page):
    """It should have come with the program."""

    def build(self, state: ModelState) -> None:
        del state
        self.column.addWidget(Label("models.absent", "error", wrap=True))


PAGES: dict[str, type[Page]] = {
    "installed": Installed,
    "own": Own,
    "lost": Own,
    "removing": Removing,
    "moving": Moving,
    "failed": Failed,
    "asked": Asked,
    "offered": Offered,
    "coming": Coming,
    "absent": Absent,
}
