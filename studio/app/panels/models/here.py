"""What is on this computer: the catalogue's cards, of these models only."""

from __future__ import annotations

from studio.app.desk import Desk
from studio.app.panels.models.catalogue import CataloguePage
from studio.app.panels.models.viewmodel import ModelsModel


def create(_: Desk, model: ModelsModel) -> CataloguePage:
    return CataloguePage(model, here=True)
