"""What the studio knows of its models: asked of it, for where they lie and what they hold is its rule."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from installer.say import Problem, ask, human
from installer.venv import PYTHON

_ASK = """
import json, sys
from pathlib import Path
from studio.cli.home import open_library
from studio.services.store.record import NAME, read_record
library = open_library()
models = {}
for entry in library.entries():
    here, record = entry.installed, None
    if here and here.removable:
        record = read_record(Path(here.path))
    models[entry.model.id] = {
        "kind": "fetched" if record else "absent" if here is None else here.source,
        "folder": "/".join(Path(here.path).parts[-2:]) if record else "",
        "bytes": here.bytes if here else entry.model.bytes or 0,
        "files": {file.path: file.sha256 for file in record.files} | {NAME: None} if record else {},
    }
json.dump({"root": str(library.folder), "models": models}, sys.stdout)
"""


@dataclass(frozen=True)
class Model:
    """One that the library knows. `folder`: below the library's root. `files`: path -> sha256, if known."""

    kind: str  # "fetched", "absent"; else it comes with the program or is the user's own
    folder: str
    bytes: int
    files: dict[str, str | None]


@dataclass(frozen=True)
class Library:
    """`root`: where fetched models lie. `models` by id."""

    root: Path
    models: dict[str, Model]

    @classmethod
    def here(cls) -> Library:
        """As the studio of this checkout sees it. Raises Problem."""
        done = subprocess.run(
            [PYTHON, "-c", _ASK], capture_output=True, text=True, encoding="utf-8", check=False
        )
        if done.returncode != 0:
            raise Problem("library", detail=done.stderr.strip()[-400:])
        known = json.loads(done.stdout)
        return cls(Path(known["root"]), {name: Model(**facts) for name, facts in known["models"].items()})

    def chosen(self, wish: str | None) -> dict[str, Model]:
        """The models to carry, by id. *wish*: ids with commas between them, "none", or None for all that were
        fetched. What comes with the program is no part of the answer. Raises Problem.
        """
        if wish is None:
            return {name: model for name, model in self.models.items() if model.kind == "fetched"}
        names = [] if wish == "none" else [name.strip() for name in wish.split(",") if name.strip()]
        for name in names:
            model = self.models.get(name)
            if model is None:
                raise Problem("bundle.model.unknown", model=name)
            if model.kind == "own":
                raise Problem("bundle.model.own", model=name)
        return {name: self.models[name] for name in names if self.models[name].folder or self.absent(name)}

    def absent(self, name: str) -> bool:
        """Whether the model must be fetched first."""
        return self.models[name].kind == "absent"


def fetch(models: dict[str, Model]) -> None:
    """Let the studio fetch *models*, if the user wants that; it shows their licences. Raises Problem."""
    names = ", ".join(models)
    if not ask("bundle.fetch", models=names, size=human(sum(model.bytes for model in models.values()))):
        raise Problem("bundle.model.absent", models=names, model=next(iter(models)))
    for name in models:
        done = subprocess.run([PYTHON, "-m", "studio", "models", "get", name], stdout=sys.stderr, check=False)
        if done.returncode != 0:
            raise Problem("bundle.model.fetch", model=name)
