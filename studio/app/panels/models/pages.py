"""The pages of Models. One more is a module beside this one and a line in `PAGES`."""

from __future__ import annotations

from importlib import import_module

from PySide6.QtWidgets import QWidget

from studio.app.desk import Desk
from studio.app.panels.models.viewmodel import ModelsModel

MARGIN = 30
"""At the left and the right of every page."""

# Key and title. Each is `panels/models/<key>.py` with `create(desk, model)`, called at its first showing.
PAGES: tuple[tuple[str, str], ...] = (
    ("catalogue", "models.page.catalogue"),
    ("here", "models.page.here"),
    ("hub", "models.page.hub"),
    ("fetching", "models.page.fetching"),
)


class ModelsPage(QWidget):
    """Below the row of page names; it gives itself its margins, `MARGIN` at the sides and none above."""

    def close_down(self) -> None:
        """The studio ends: stop listening."""


def create(key: str, desk: Desk, model: ModelsModel) -> ModelsPage:
    """KeyError if there is no such page."""
    if key not in dict(PAGES):
        raise KeyError(key)
    return import_module(f"studio.app.panels.models.{key}").create(desk, model)
