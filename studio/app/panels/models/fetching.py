"""The downloads that are not over, on a page of their own."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout

from studio.app.desk import Desk
from studio.app.observable import watch
from studio.app.panels.models.downloads import DownloadList
from studio.app.panels.models.pages import MARGIN, ModelsPage
from studio.app.panels.models.viewmodel import ModelsModel
from studio.app.widgets.label import Label
from studio.app.widgets.scroll import ScrollColumn
from studio.services.downloads.state import DownloadState


class FetchingPage(ModelsPage):
    def __init__(self, desk: Desk, model: ModelsModel) -> None:
        super().__init__()
        self._downloads = desk.studio.downloads
        self.list = DownloadList(desk, model)
        self._none = Label("models.fetching.none", "muted", wrap=True)
        scroll = ScrollColumn(margins=(MARGIN, 0, MARGIN, 24), spacing=0)
        scroll.body.addWidget(self._none)
        scroll.body.addWidget(self.list)
        scroll.body.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(scroll)
        watch(self._downloads.changed, self._changed)
        self._say()

    def _changed(self, _: DownloadState) -> None:
        self._say()

    def _say(self) -> None:
        self._none.setVisible(not self._downloads.order)


def create(desk: Desk, model: ModelsModel) -> FetchingPage:
    return FetchingPage(desk, model)
