"""Where the studio keeps its files. One rule, in one place.

`STUDIO_HOME` puts everything under one folder. Else each kind of file goes where the system wants
it (XDG on Linux, Library on macOS, AppData on Windows), and results go to the pictures folder.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

HOME_VARIABLE = "STUDIO_HOME"
PROGRAM = Path(__file__).resolve().parents[2]
ASSETS = PROGRAM / "assets"
MANIFEST = PROGRAM / "models_manifest"
ROOTS = "model-roots.json"
"""In `Paths.data`: what each folder with models held when it was last seen."""

PORTABLE_HOME = PROGRAM / "studio-home"

_APP = "aigc-studio"
_RESULTS = "AIGC Studio"


class Paths(Struct, frozen=True, kw_only=True):
    """The studio's folders, absolute. `run` holds a running studio's locks, private to the user."""

    config: Path
    data: Path
    models: Path
    outputs: Path
    cache: Path
    logs: Path
    run: Path

    @classmethod
    def under(cls, home: Path) -> Paths:
        """Everything below *home*."""
        home = home.expanduser().absolute()
        return cls(
            config=home / "config",
            data=home / "data",
            models=home / "models",
            outputs=home / "outputs",
            cache=home / "cache",
            logs=home / "logs",
            run=home / "run",
        )

    @classmethod
    def default(cls, environment: Mapping[str, str] = os.environ) -> Paths:
        """By `STUDIO_HOME`, else by the system's rules."""
        if home := environment.get(HOME_VARIABLE, "").strip():
            return cls.under(Path(home))
        import platformdirs  # where the home is named, the window's first picture needs none of it

        folders = platformdirs.PlatformDirs(_APP, appauthor=False)
        data = folders.user_data_path
        return cls(
            config=folders.user_config_path,
            data=data,
            models=data / "models",
            outputs=folders.user_pictures_path / _RESULTS,
            cache=folders.user_cache_path,
            logs=folders.user_log_path,
            run=data / "run",
        )

    def moved(self, *, models: str = "", outputs: str = "") -> Paths:
        """These paths with the folders that the settings name; an empty one stays."""
        return msgspec.structs.replace(
            self,
            models=Path(models).expanduser().absolute() if models else self.models,
            outputs=Path(outputs).expanduser().absolute() if outputs else self.outputs,
        )

    def create(self) -> Paths:
        """Make every folder that is not there but `outputs`, which its first result makes. Raises OSError."""
        for folder in (self.config, self.data, self.models, self.cache, self.logs, self.run):
            folder.mkdir(parents=True, exist_ok=True)
        if os.name == "posix":
            self.run.chmod(0o700)
        return self
