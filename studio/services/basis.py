"""What is known before anything runs: where things are, what the user chose, which models there are.

Light on purpose: the window paints its first picture from this while the rest is still imported.
"""

from __future__ import annotations

from pathlib import Path

from studio.services.library.library import Library
from studio.services.paths import Paths
from studio.services.settings import SettingsStore
from studio.wire.offline import offline_by_environment


class Basis:
    """*offline*, or a variable of the hub's programs, is for this run only and stronger than the setting."""

    def __init__(self, paths: Paths, *, offline: bool = False) -> None:
        self.paths = paths
        self.settings = SettingsStore(paths)
        self.library = Library(Path(self.settings.value.models or paths.models))
        self.kept_offline = offline or offline_by_environment()

    @property
    def offline(self) -> bool:
        return self.kept_offline or self.settings.value.offline
