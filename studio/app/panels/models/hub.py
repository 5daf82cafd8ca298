"""Any model of the hub: found by words or pasted by its address, looked at, then fetched."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from studio.app import keys
from studio.app.desk import Desk
from studio.app.language import on_language
from studio.app.observable import bind
from studio.app.panels.models.hub_details import HubDetails
from studio.app.panels.models.hub_model import HubModel
from studio.app.panels.models.hub_rows import HIT, HitRow
from studio.app.panels.models.pages import MARGIN, ModelsPage
from studio.app.panels.models.viewmodel import ModelsModel
from studio.app.widgets.button import Button
from studio.app.widgets.combo import ComboBox
from studio.app.widgets.label import Label
from studio.app.widgets.text_area import SearchField
from studio.domain.remote import Hit
from studio.domain.text import t
from studio.services.downloads.sorts import SORTS

TASKS = ("text", "image", "speech", "music", "video", "transcribe", "model3d")


class HubPage(ModelsPage):
    def __init__(self, models: ModelsModel) -> None:
        super().__init__()
        self.model = HubModel(models)
        self.search = SearchField("hub.search")
        self.task = ComboBox([("", "hub.any_task"), *((task, f"task.{task}") for task in TASKS)])
        self.sort = ComboBox([(sort, f"hub.sort.{sort}") for sort in SORTS])
        self.go = Button("hub.go", "search", "primary")
        self.hits = QListWidget()
        self.said = Label("hub.hint", "muted", wrap=True)
        self.details = HubDetails(self.model)
        self.task.set_value("")
        self.sort.set_value("downloads")
        self._lay_out()
        self.search.returnPressed.connect(self._search)
        self.go.clicked.connect(self._search)
        self.hits.currentRowChanged.connect(self._chosen)
        keys.shortcut("search", self, self.search.setFocus)
        bind(self.model.hits, self._show)
        bind(self.model.busy, self._show_busy)
        on_language(self._again)

    def close_down(self) -> None:
        self.model.close()

    def _lay_out(self) -> None:
        self.hits.setAccessibleName(t("hub.found"))
        self.hits.setFrameShape(QListWidget.Shape.NoFrame)
        self.hits.setItemDelegate(HitRow(self.hits))
        self.hits.setMouseTracking(True)
        self.hits.setProperty("plain", True)
        self.task.setAccessibleName(t("hub.any_task"))
        self.sort.setAccessibleName(t("models.sort"))
        top = QHBoxLayout()
        top.setSpacing(10)
        top.addWidget(self.search, 1)
        for part in (self.task, self.sort, self.go):
            top.addWidget(part)
        column = QVBoxLayout()
        column.setContentsMargins(MARGIN, 0, 16, 16)
        column.setSpacing(12)
        column.addLayout(top)
        column.addWidget(self.said)
        column.addWidget(self.hits, 1)
        whole = QHBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addLayout(column, 1)
        whole.addWidget(self.details)

    def _search(self) -> None:
        """An address or a whole id is looked at; anything else is searched for."""
        self.model.find(self.search.text(), str(self.task.value), str(self.sort.value))

    def _chosen(self, row: int) -> None:
        hits = self.model.hits.value or ()
        if 0 <= row < len(hits):
            self.model.look_at(hits[row].repo)

    def _show(self, hits: tuple[Hit, ...] | None) -> None:
        self.hits.clear()
        for hit in hits or ():
            item = QListWidgetItem(hit.repo)
            item.setData(HIT, hit)
            self.hits.addItem(item)
        self.said.setText(t("hub.hint" if hits is None else "hub.nothing" if not hits else "hub.choose"))

    def _again(self) -> None:
        self._show(self.model.hits.value)

    def _show_busy(self, busy: bool) -> None:
        self.go.setEnabled(not busy)
        if busy:
            self.said.setText(t("hub.looking"))


def create(_: Desk, model: ModelsModel) -> QWidget:
    return HubPage(model)
