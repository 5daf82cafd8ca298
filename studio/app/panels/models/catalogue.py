"""The catalogue: every known model, what it is good for, and whether it runs here."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QStackedLayout, QVBoxLayout, QWidget

from studio.app import icons, keys
from studio.app.desk import Desk
from studio.app.language import on_language
from studio.app.observable import Property, bind, watch
from studio.app.panels.models.cards import CardView
from studio.app.panels.models.details import Details
from studio.app.panels.models.pages import MARGIN, ModelsPage
from studio.app.panels.models.scan import ScanDialog
from studio.app.panels.models.shelf import SIZES, SORTS, Shelf
from studio.app.panels.models.viewmodel import ModelsModel
from studio.app.widgets.banner import Banner
from studio.app.widgets.button import Button
from studio.app.widgets.chips import Chip, ChipFlow
from studio.app.widgets.combo import ComboBox
from studio.app.widgets.empty_state import EmptyState
from studio.app.widgets.flow import FlowLayout
from studio.app.widgets.label import Label
from studio.app.widgets.text_area import SearchField
from studio.domain.quantity import size
from studio.domain.text import t


class CataloguePage(ModelsPage):
    """With *here* it is the page of what is on this computer."""

    def __init__(self, model: ModelsModel, *, here: bool = False) -> None:
        super().__init__()
        self.model, self._here = model, here
        self.shelf = Shelf(model, here=here)
        self.search = SearchField("models.search")
        self.search.setFixedWidth(260)
        self.sort = ComboBox([(sort, f"models.sort.{sort}") for sort in SORTS])
        self.size = _SizeBox([(None, "models.size.any"), *((most, "models.size.most") for most in SIZES)])
        self.language = ComboBox(
            [(None, "models.language.any"), ("zh", "models.language.zh"), ("en", "models.language.en")]
        )
        self.add = Button("models.add", "import")
        self.tasks = ChipFlow([(None, "models.all"), *((task, f"task.{task}") for task in model.tasks)])
        self.fits = _toggle("models.fits", self.shelf.fits)
        self.may_sell = _toggle("models.may_sell", self.shelf.may_sell)
        self.ready = _toggle("models.ready", self.shelf.ready)
        self.installed = _toggle("models.here", self.shelf.installed)
        self.count = Label(role="small")
        self.offline = Banner()
        self.cards = CardView(model)
        self.details = Details(model)
        self._stack = QStackedLayout()
        self._reset_boxes()
        self._lay_out()
        self._connect()

    def _reset_boxes(self) -> None:
        self.sort.set_value(self.shelf.sort.value)
        self.size.set_value(None)
        self.language.set_value(None)
        self.tasks.set_value(None)

    def _connect(self) -> None:
        shelf = self.shelf
        self.search.textChanged.connect(lambda text: setattr(shelf.words, "value", text))
        self.tasks.changed.connect(lambda task: setattr(shelf.task, "value", task))
        self.sort.changed.connect(lambda sort: setattr(shelf.sort, "value", sort))
        self.size.changed.connect(lambda most: setattr(shelf.size, "value", most))
        self.language.changed.connect(lambda name: setattr(shelf.language, "value", name))
        self.add.clicked.connect(
            lambda: self.add_menu().popup(self.add.mapToGlobal(QPoint(0, self.add.height() + 4)))
        )
        self.cards.chosen.connect(self._look_at)
        self.cards.entered.connect(self._enter)
        keys.shortcut("search", self, self.search.setFocus)
        bind(shelf.shown, self._show)
        bind(self.model.offline, self._show_offline)
        on_language(self._say)

    def close_down(self) -> None:
        self.shelf.close()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setContentsMargins(MARGIN, 0, MARGIN, 0)
        boxes = QWidget()
        flow = FlowLayout(boxes, spacing=10)
        for part in (self.search, self.size, self.language, self.sort, self.add):
            flow.addWidget(part)
        top.addWidget(boxes)
        kinds = QHBoxLayout()
        kinds.setContentsMargins(MARGIN, 0, MARGIN, 0)
        kinds.addWidget(self.tasks, 1)
        toggles = QHBoxLayout()
        toggles.setContentsMargins(MARGIN, 0, MARGIN, 0)
        toggles.setSpacing(8)
        for chip in (self.fits, self.may_sell, self.ready, self.installed):
            toggles.addWidget(chip)
        self.installed.setVisible(not self._here)
        toggles.addStretch(1)
        toggles.addWidget(self.count)
        notice = QHBoxLayout()
        notice.setContentsMargins(MARGIN, 0, MARGIN, 0)
        notice.addWidget(self.offline)
        column = QVBoxLayout()
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(12)
        column.addLayout(top)
        column.addLayout(kinds)
        column.addLayout(toggles)
        column.addLayout(notice)
        column.addWidget(self._holder(), 1)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addLayout(column, 1)
        whole.addWidget(self.details)
        self.details.hide()

    def _holder(self) -> QWidget:
        nothing = EmptyState("search", "models.nothing", "models.nothing.words", "models.show_all")
        nothing.clicked.connect(self.show_all)
        cards = QWidget()
        inner = QHBoxLayout(cards)
        inner.setContentsMargins(MARGIN, 0, 8, 0)
        inner.addWidget(self.cards)
        holder = QWidget()
        holder.setLayout(self._stack)
        self._stack.addWidget(cards)
        self._stack.addWidget(nothing)
        return holder

    def _show(self, shown: tuple[str, ...]) -> None:
        self.cards.show_ids(shown)
        self._stack.setCurrentIndex(0 if shown else 1)
        self._say()
        if self.details.state is None:
            self.details.hide()

    def _say(self) -> None:
        self.count.setText(t("models.count", n=len(self.shelf.shown.value)))
        boxes = ((self.sort, "models.sort"), (self.size, "models.size"), (self.language, "models.language"))
        for each, key in boxes:
            each.setAccessibleName(t(key))

    def _look_at(self, model_id: str) -> None:
        self.details.look_at(model_id)
        if self.details.isHidden():
            self.details.show()
            QTimer.singleShot(0, self.cards, self.cards.show_current)  # there are fewer in a row now

    def _enter(self, model_id: str) -> None:
        self._look_at(model_id)
        self.details.enter()

    def _show_offline(self, offline: bool) -> None:
        if not offline:
            self.offline.clear()
        elif self.model.can_go_online:
            self.offline.show_notice(
                "warning",
                "models.offline",
                "models.offline.words",
                button_key="models.go_online",
                action=self.model.go_online,
            )
        else:
            self.offline.show_notice("warning", "models.offline", "models.offline.started")

    def add_menu(self) -> QMenu:
        """A dialog of the system's shows folders or files, not both. The menu deletes itself."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        mode = QFileDialog.FileMode
        menu.addAction(icons.icon("folder"), t("models.add.folder"), lambda: self._choose(mode.Directory))
        menu.addAction(icons.icon("file"), t("models.add.file"), lambda: self._choose(mode.ExistingFile))
        menu.addAction(
            icons.icon("search"), t("models.scan"), lambda: ScanDialog(self.model.desk, self).show()
        )
        return menu

    def _choose(self, wanted: QFileDialog.FileMode) -> None:
        dialog = QFileDialog(self, t("models.add"))
        dialog.setFileMode(wanted)
        dialog.fileSelected.connect(lambda path: self.model.add(Path(path)))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def show_all(self) -> None:
        """Drop every filter."""
        self.search.clear()
        self.shelf.clear()
        self._reset_boxes()


class _SizeBox(ComboBox):
    def title(self, value: object, key: str) -> str:
        return t(key, size=size(value)) if isinstance(value, float) else t(key)


def _toggle(key: str, wanted: Property[bool]) -> Chip:
    """A chip that narrows the list while it is on; its icon tells as well as its colour."""
    chip = Chip(key)
    chip.setCheckable(True)

    def toggled(on: bool) -> None:
        chip.set_icon("check" if on else "")
        wanted.value = on

    chip.toggled.connect(toggled)
    watch(wanted, chip.setChecked)
    return chip


def create(_: Desk, model: ModelsModel) -> CataloguePage:
    return CataloguePage(model)
