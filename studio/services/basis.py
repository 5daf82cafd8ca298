"""What is known before anything runs: where things are, what the user chose, which models there are.

Light on purpose: the window paints its first picture from this while the rest is still imported.
"""

from __future__ import annotations

from pathlib import Path

from studio.services.library.library import Library
from studio.services.paths import ROOTS, Paths
from studio.services.settings import Settings, SettingsStore
from studio.wire.offline import offline_by_environment


class Basis:
    """*offline*, or a variable of the hub's programs, is for this run only and stronger than the setting."""

    def __init__(self, paths: Paths, *, offline: bool = False) -> None:
        self.paths = paths
        self.settings = SettingsStore(paths)
        first, *more = roots(paths, self.settings.value)
        self.library = Library(first, more=more, memory=paths.data / ROOTS)
        self.kept_offline = offline or offline_by_environment()

    @property
    def offline(self) -> bool:
        return self.kept_offline or self.settings.value.offline


def roots(paths: Paths, settings: Settings) -> list[Path]:
    """The folders with models, the one for new ones first."""
    first = Path(settings.models or paths.models)
    return [first, *(Path(root) for root in settings.model_roots)]
