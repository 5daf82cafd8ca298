"""One thing that was found: what it is, whether it can be used, and the one thing to do with it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QVBoxLayout, QWidget

from studio.app.found.viewmodel import FoundModels, treatments
from studio.app.language import on_language
from studio.app.observable import watch
from studio.app.strip_feed import ICONS
from studio.app.widgets.button import Button
from studio.app.widgets.card import Card, IconTile
from studio.app.widgets.chips import Tag
from studio.app.widgets.label import ElidedLabel, Label
from studio.domain.finding import Finding
from studio.domain.quantity import size
from studio.domain.text import language, t
from studio.services.scan.scan import Seen

_ICONS = {
    "lora": "style",
    "upscaler": "expand",
    "checkpoint": "lock",
    "unknown": "help",
    "text_encoder": "write",
}


class FoundRow(Card):
    """Follows whether it is in the list by now, and what came of the last try to use it."""

    def __init__(self, models: FoundModels, seen: Seen, parent: QWidget | None = None) -> None:
        super().__init__(parent, margin=14, spacing=8)
        self.models, self.seen = models, seen
        self._title = ElidedLabel(role="strong")
        self._title.setText(seen.title)
        self._facts = ElidedLabel(role="label")
        self._path = ElidedLabel(role="small", middle=True)
        self._path.setText(seen.finding.path)
        self._why = Label(role="muted", wrap=True)
        self._copies = Label(role="small", wrap=True)
        self._here = Tag("scan.own", "check", "ok")
        self.use = Button("found.use", "check", "primary")
        self.treat = Button("found.treat", "chevron_down", "quiet")
        self.rest = Button("found.rest", "folder", "secondary")
        self.use.clicked.connect(lambda: models.use(seen))
        self.treat.clicked.connect(
            lambda: self.treat_menu().popup(self.treat.mapToGlobal(QPoint(0, self.treat.height() + 4)))
        )
        self.rest.clicked.connect(self._choose_rest)
        self._lay_out()
        for state in (models.used, models.refused, models.copies):
            watch(state, self._changed)
        on_language(self._show)

    def _lay_out(self) -> None:
        words = QVBoxLayout()
        words.setSpacing(2)
        for label in (self._title, self._facts, self._path):
            words.addWidget(label)
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(IconTile(self._icon(self.seen.finding), side=40))
        row.addLayout(words, 1)
        for part in (self._here, self.treat, self.rest, self.use):
            row.addWidget(part)
        self.body.addLayout(row)
        self.body.addWidget(self._why)
        self.body.addWidget(self._copies)

    @staticmethod
    def _icon(finding: Finding) -> str:
        return _ICONS.get(finding.kind) or ICONS.get(finding.task, "models")

    def _changed(self, _: object) -> None:
        self._show()

    def _show(self) -> None:
        finding, models = self.seen.finding, self.models
        here = finding.path in models.used.value
        refused = models.refused.value.get(finding.path)
        failure = None if here else refused or finding.failure
        self._facts.setText(facts_words(self.seen))
        gap = "" if language() == "zh_CN" else " "  # Chinese sentences stand without spaces
        self._why.setText(f"{failure.message}{gap}{failure.hint}" if failure else "")
        self._why.setVisible(failure is not None)
        self._why.set_role("error" if refused and not here else "muted")
        copies = models.copies.value.get(finding.path, ())
        self._copies.setText(t("found.copies", paths=", ".join(copies)))
        self._copies.setVisible(bool(copies))
        self._here.setVisible(here)
        self.use.setVisible(finding.runnable and not here)
        self.treat.setVisible(not here and _is_open_to_opinion(finding))
        self.rest.setVisible(not here and bool(finding.missing) and refused is not None)
        self.setAccessibleName(f"{self.seen.title}. {self._facts.text()}")
        for button in (self.use, self.treat, self.rest):
            button.setAccessibleName(t("models.button", what=button.words(), title=self.seen.title))

    def treat_menu(self) -> QMenu:
        """Every family that loads such files. The menu deletes itself."""
        menu = QMenu(self)
        menu.aboutToHide.connect(menu.deleteLater)
        for family, title in treatments(self.seen.finding):
            menu.addAction(
                title.replace("&", "&&"),
                lambda family=family: self.models.use(self.seen, family),
            )
        return menu

    def _choose_rest(self) -> None:
        """The folder of the same family that has what the file lacks."""
        dialog = QFileDialog(self, t("found.rest"))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.fileSelected.connect(lambda path: self.models.use(self.seen, rest=Path(path)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()


def _is_open_to_opinion(finding: Finding) -> bool:
    """Not what carries code, nor what is known to be a part."""
    unsafe = finding.failure is not None and finding.failure.code == "model.unsafe"
    return finding.kind in ("model", "denoiser", "unknown") and not unsafe and bool(treatments(finding))


def facts_words(seen: Seen) -> str:
    """ "LoRA  •  Stable Diffusion XL  •  F16  •  220 MB  •  ComfyUI"."""
    finding = seen.finding
    parts = [
        t(finding.title_key),
        finding.about,
        finding.precision,
        size(finding.bytes) if finding.bytes else "",
        seen.program,
    ]
    return "  •  ".join(part for part in parts if part)
