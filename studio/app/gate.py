"""What to do about a gated model, step by step: its page, a token, and whether the hub lets it go now."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from studio.app.desk import Desk
from studio.app.language import bind_text, on_language
from studio.app.observable import watch
from studio.app.token_model import TokensModel
from studio.app.token_row import TokenRow
from studio.app.widgets.button import Button
from studio.app.widgets.card import Separator
from studio.app.widgets.label import Label
from studio.app.widgets.status import StatusLine
from studio.domain.text import t
from studio.services.tokens import ENDPOINTS

GOOD = ("open", "granted")


class GateDialog(QDialog):
    """For the model *title* at *page*; *get* fetches it once the hub allows that. Not modal."""

    def __init__(self, desk: Desk, title: str, page: str, get: Callable[[], object], parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(660)
        self.model = TokensModel(desk)
        self._page, self._get = page, get
        self._kind, self._repo = _of(page)
        bind_text(self.setWindowTitle, "gate.title", title=title)
        self.said = StatusLine()
        self._what = Label(role="small", wrap=True)
        self._what.setMinimumHeight(36)  # two lines, so that nothing moves when they come
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 24, 24, 24)
        column.setSpacing(14)
        column.addWidget(Label("gate.title", "title", title=title))
        column.addWidget(Label("gate.words", "muted", wrap=True))
        self.open_page = Button("gate.page", "external")
        self.open_page.clicked.connect(lambda: QDesktopServices.openUrl(QUrl(page)))
        column.addLayout(_step("1", Label("gate.step.page", wrap=True), self.open_page))
        column.addLayout(_step("2", Label("gate.step.token", wrap=True)))
        column.addWidget(TokenRow(self.model, self._kind, check=False))
        column.addWidget(Separator())
        self.check = Button("token.check_again", "retry")
        self.check.clicked.connect(lambda _: self.model.check(self._repo))
        self.check.setVisible(self._kind == "hub")
        self.get = Button("gate.get", "download", "primary")
        self.get.clicked.connect(self._fetch)
        column.addLayout(_step("3", self.said, self.check))
        column.addWidget(self._what)
        below = QHBoxLayout()
        below.addStretch(1)
        below.addWidget(self.get)
        column.addLayout(below)
        watch(self.model.access, self._show)
        watch(self.model.checking, self._show)
        on_language(self._show)
        self.model.look()

    def done(self, result: int) -> None:
        self.model.close()
        super().done(result)

    def _fetch(self) -> None:
        self.accept()
        self._get()

    def _show(self, _: object = None) -> None:
        access, checking = self.model.access.value, self.model.checking.value
        self.check.setEnabled(not checking)
        self.get.setEnabled(self._kind != "hub" or (access is not None and access.verdict in GOOD))
        if access is None:
            self.said.set("muted", t("gate.checking" if checking else "gate.step.check"))
            self._what.setText("")
            return
        good = access.verdict in GOOD
        self.said.set("ok" if good else "warning", t("gate.allowed" if good else "gate.missing"))
        self._what.setText(t(f"access.{access.verdict}", who=access.who))


def _step(number: str, *parts: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(12)
    count = Label(role="strong")
    count.setText(number)
    count.setFixedWidth(16)
    row.addWidget(count)
    for index, part in enumerate(parts):
        row.addWidget(part, 0 if index else 1)
    return row


def _of(page: str) -> tuple[str, str]:
    """Whose gate it is, a key of `tokens.ENDPOINTS`, and of which repository."""
    parts = urlsplit(page)
    path = parts.path.strip("/")
    modelscope = parts.hostname == urlsplit(ENDPOINTS["modelscope"]).hostname
    return ("modelscope", path.removeprefix("models/")) if modelscope else ("hub", path)
