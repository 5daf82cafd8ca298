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
from studio.cli.home import open_library
from studio.services.store.carry import name_of
library = open_library()
models = {}
for entry in library.entries():
    name, here = entry.model.id, entry.installed
    stored = library.store.of(name)[:1] if here and here.removable else []
    record = stored[0].record if stored else None
    models[name] = {
        "kind": "fetched" if record else "absent" if here is None else here.source,
        "bytes": here.bytes if here else entry.model.bytes or 0,
        "folder": name_of(record) if record else "",
        "files": {f"{record.place}/{file.path}": file.sha256 for file in record.files} if record else {},
    }
json.dump(models, sys.stdout)
"""


@dataclass(frozen=True)
class Model:
    """One that the library knows. `folder`: what it is exported to. `files` in that: path -> sha256."""

    kind: str  # "fetched", "absent"; else it comes with the program or is the user's own
    bytes: int
    folder: str
    files: dict[str, str]


@dataclass(frozen=True)
class Library:
    """`models` by id."""

    models: dict[str, Model]

    @classmethod
    def here(cls) -> Library:
        """As the studio of this checkout sees it. Raises Problem."""
        done = subprocess.run(
            [PYTHON, "-c", _ASK], capture_output=True, text=True, encoding="utf-8", check=False
        )
        if done.returncode != 0:
            raise Problem("library", detail=done.stderr.strip()[-400:])
        return cls({name: Model(**facts) for name, facts in json.loads(done.stdout).items()})

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
        _let("get", name, problem=Problem("bundle.model.fetch", model=name))


def export(name: str, folder: Path) -> None:
    """Let the studio copy the model into *folder*, checked. Raises Problem."""
    folder.mkdir(parents=True, exist_ok=True)
    _let("export", name, str(folder), problem=Problem("bundle.model.export", model=name))


def bring(folder: Path) -> None:
    """Let the studio take in every model that lies in *folder*; those that are here stay. Raises Problem."""
    _let("import", str(folder), problem=Problem("bundle.model.import", folder=folder))


def _let(*words: str, problem: Problem) -> None:
    """Let the studio do something with models, which tells how it goes. Raises *problem*."""
    command = [PYTHON, "-m", "studio", "models", *words]
    if subprocess.run(command, stdout=sys.stderr, check=False).returncode != 0:
        raise problem
