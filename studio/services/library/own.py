"""Models in the user's own folders: used where they lie, and never changed."""

from __future__ import annotations

from pathlib import Path

from studio.domain.licence import Licence
from studio.domain.model import Model
from studio.services.library.recognize import Found


def model_of(found: Found) -> Model:
    """What is known of it. Its id is its path."""
    return Model(
        id=str(found.path),
        family=found.spec.name,
        tasks=found.spec.tasks,
        title={"en": found.path.name},
        description={},
        licence=Licence(id="", url="", commercial="unknown"),
        bytes=_size(found.path),
        parameters=found.parameters,
    )


def _size(path: Path) -> int:
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file())
