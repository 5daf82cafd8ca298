"""The user's folders and models, for commands that need no running studio."""

from __future__ import annotations

from studio.services.library.library import Library
from studio.services.paths import Paths
from studio.services.settings import SettingsStore


def open_paths() -> Paths:
    """The folders, with those that the settings name."""
    paths = Paths.default()
    settings = SettingsStore(paths).value
    return paths.moved(models=settings.models, outputs=settings.outputs)


def open_library() -> Library:
    """What is known and what is here."""
    return Library(open_paths().models)
