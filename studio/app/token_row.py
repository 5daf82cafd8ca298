"""The tokens that open gated models: where each is kept, a field for a new one, what the hub says of it."""

from __future__ import annotations

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from studio.app.language import bind_text, on_language
from studio.app.observable import watch
from studio.app.token_model import TokensModel
from studio.app.widgets.button import Button, IconButton
from studio.app.widgets.label import Label
from studio.app.widgets.status import StatusLine
from studio.domain.text import t

PAGES = {
    "hub": "https://huggingface.co/settings/tokens",
    "modelscope": "https://modelscope.cn/my/myaccesstoken",
}
TONES = {"none": "muted", "environment": "ok", "login": "ok", "keyring": "ok", "file": "ok"}


class SecretField(QLineEdit):
    """What is typed in is not shown, and not remembered."""

    def __init__(self, placeholder_key: str, name_key: str) -> None:
        super().__init__()
        self.setEchoMode(QLineEdit.EchoMode.Password)
        self.setFixedHeight(36)
        bind_text(self.setPlaceholderText, placeholder_key)
        bind_text(self.setAccessibleName, name_key)

    def take(self) -> str:
        """What was typed; the field is empty then."""
        words = self.text().strip()
        self.clear()
        return words


class TokenRow(QWidget):
    """For the token *kind*, a key of `tokens.ENDPOINTS`; with a button that asks whose it is, if *check*."""

    def __init__(self, model: TokensModel, kind: str, *, check: bool = True) -> None:
        super().__init__()
        self.model, self.kind = model, kind
        self.check: Button | None = None
        self.state = StatusLine()
        self.field = SecretField("token.paste", f"token.field.{kind}")
        self.keep = Button("token.keep", "lock")
        self.forget = IconButton("delete", "token.forget", framed=False)
        page = Button("token.make", "external", "quiet")
        page.clicked.connect(lambda: QDesktopServices.openUrl(QUrl(PAGES[kind])))
        self.keep.clicked.connect(self._keep)
        self.field.returnPressed.connect(self._keep)
        self.field.textChanged.connect(lambda words: self.keep.setEnabled(bool(words.strip())))
        self.keep.setEnabled(False)
        self.forget.clicked.connect(lambda: model.forget(kind))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        top = QHBoxLayout()
        top.addWidget(Label(f"token.{kind}", "strong"))
        top.addSpacing(8)
        top.addWidget(self.state, 1)
        top.addWidget(page)
        entry = QHBoxLayout()
        entry.setSpacing(8)
        entry.addWidget(self.field, 1)
        entry.addWidget(self.keep)
        entry.addWidget(self.forget)
        column.addLayout(top)
        column.addLayout(entry)
        if check and kind == "hub":
            column.addLayout(self._checking())
        watch(model.places, self._show)
        on_language(self._show)

    def _checking(self) -> QHBoxLayout:
        self.check = Button("token.check", "check")
        self.check.clicked.connect(lambda _: self.model.check())
        self.said = Label(role="small", wrap=True)
        watch(self.model.access, self._show)
        watch(self.model.checking, self._show)
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(self.check)
        row.addWidget(self.said, 1)
        return row

    def _keep(self) -> None:
        if value := self.field.take():
            self.model.keep(self.kind, value)

    def _show(self, _: object = None) -> None:
        key = self.model.places.value[self.kind]
        place = key.rpartition(".")[2]
        self.state.set(TONES.get(place, "muted"), t(key) if key else "")
        self.forget.setEnabled(place in ("keyring", "file"))
        if self.check is not None:
            self.check.setEnabled(not self.model.checking.value)
            access = self.model.access.value
            self.said.setText(t(f"access.{access.verdict}", who=access.who) if access else "")
