"""Home: a welcome during the first start, the overview from then on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QStackedLayout

from studio.app.desk import Desk
from studio.app.observable import bind
from studio.app.panel import Panel
from studio.app.panels.home.viewmodel import HomeModel

if TYPE_CHECKING:
    from studio.app.panels.home.overview import Overview
    from studio.app.panels.home.welcome import Welcome


class HomePanel(Panel):
    """`overview` is there once the first start is over, `welcome` until then."""

    overview: Overview

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.model = HomeModel(desk)
        self.welcome: Welcome | None = None
        self._stack = QStackedLayout(self)
        bind(self.model.welcomed, self._show)

    def close_down(self) -> None:
        for shown in (self.welcome, getattr(self, "overview", None)):
            if shown is not None:
                shown.close_down()
        self.model.close()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.model.greet()

    def _show(self, welcomed: bool) -> None:
        if welcomed:
            self._show_overview()
        else:
            self._show_welcome()

    def _show_welcome(self) -> None:
        from studio.app.panels.home.welcome import Welcome  # one of the two is all that a start needs

        self.welcome = Welcome(self.model, self)
        self._stack.addWidget(self.welcome)

    def _show_overview(self) -> None:
        from studio.app.panels.home.overview import Overview

        self.overview = Overview(self.model, self)
        self._stack.addWidget(self.overview)
        self._stack.setCurrentWidget(self.overview)
        if self.welcome is not None:
            self._stack.removeWidget(self.welcome)
            self.welcome.close_down()
            self.welcome.deleteLater()
            self.welcome = None


def create(desk: Desk) -> HomePanel:
    return HomePanel(desk)
