"""The manifest: one file per model that this version knows, data only. Those of `STARTERS` lie apart.

A new user's first picture shows these alone, however many others there are.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from studio.domain.model import Model

SCHEMA = "schema.json"
FACTS = "facts"
"""The folder beside the entries with what their `facts` name; read only when something is planned."""
STARTERS = "starters"


class ManifestError(Exception):
    """A manifest file is broken; the text names the file and what is wrong in it."""


def read_manifest(folder: Path) -> dict[str, Model]:
    """Every model in and below *folder* by id, the first to offer first. Raises ManifestError, OSError."""
    models: list[Model] = []
    for file in sorted(folder.rglob("*.json")):
        if file.name == SCHEMA or file.parent.name == FACTS:
            continue
        try:
            model = msgspec.json.decode(file.read_bytes(), type=Model)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ManifestError(f"{file.name}: {error}") from error
        if model.id != file.stem:
            raise ManifestError(f"{file.name} names itself {model.id}")
        models.append(model)
    return {model.id: model for model in sorted(models, key=lambda model: (model.order, model.id))}
