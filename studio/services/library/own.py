"""Models in the user's own folders: used where they lie, and never changed."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from studio.domain.comparison import REPORT
from studio.domain.family import FamilySpec
from studio.domain.licence import Licence
from studio.domain.model import Model
from studio.domain.text import LANGUAGES, catalogue
from studio.families.registry import families
from studio.wire import files

if TYPE_CHECKING:
    from studio.services.library.recognize import Found

log = logging.getLogger(__name__)


class Own(Struct, frozen=True, kw_only=True):
    """What was found at `path` when the user named it. `bytes` on disk; `parameters` as in `Found`.

    `name`: what it was called when it was made here, "" for others.
    """

    path: str
    family: str
    bytes: int
    name: str = ""
    parameters: dict[str, dict[str, Any] | None] = {}


class Named(Struct, frozen=True):
    """What is read of a report beside a model that was made here."""

    name: str
    parameters: dict[str, dict[str, Any] | None] = {}


NOTHING = Named("")


class OwnModels:
    """Remembered in *file*, in the order in which they were added."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known: dict[str, Own] = {}
        try:
            known = msgspec.json.decode(file.read_bytes(), type=list[Own])
            self._known = {own.path: own for own in known}
        except FileNotFoundError:
            pass
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            log.warning("%s cannot be read: %s", file, error)

    def models(self) -> dict[str, Model]:
        """By id, those of families that this version has."""
        return {
            path: _model(own, families()[own.family])
            for path, own in self._known.items()
            if own.family in families()
        }

    def add(self, found: Found) -> str:
        """Remember it; returns its id. Raises OSError."""
        own = _own(found)
        self._keep({**self._known, own.path: own})
        return own.path

    def forget(self, model_id: str) -> None:
        """Raises OSError."""
        self._keep({path: own for path, own in self._known.items() if path != model_id})

    def _keep(self, known: dict[str, Own]) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        files.write(self._file, msgspec.json.format(msgspec.json.encode(list(known.values()))))
        self._known = known


def model_of(found: Found) -> Model:
    """What is known of a model that nobody described. Its id is its path."""
    return _model(_own(found), found.spec)


def _own(found: Found) -> Own:
    made = _made(found.path)
    return Own(
        path=str(found.path),
        family=found.spec.name,
        bytes=_size(found.path),
        name=made.name,
        parameters={**made.parameters, **found.parameters},
    )


def _made(path: Path) -> Named:
    folder = path.parent if path.is_file() else path
    try:
        return msgspec.json.decode((folder / REPORT).read_bytes(), type=Named)
    except (FileNotFoundError, NotADirectoryError, msgspec.MsgspecError):
        return NOTHING


def _model(own: Own, spec: FamilySpec) -> Model:
    asks = any(parameter.name == "prompt" for parameter in spec.parameters)
    example = f"models.example.{spec.tasks[0]}"
    words = {language: catalogue(language) for language in LANGUAGES}
    return Model(
        id=own.path,
        family=spec.name,
        tasks=spec.tasks,
        title={"en": own.name or Path(own.path).name},
        description={language: known["models.own.words"] for language, known in words.items()},
        licence=Licence(id="", url="", commercial="unknown"),
        bytes=own.bytes,
        parameters=own.parameters,
        examples={
            language: (known[example],) for language, known in words.items() if asks and example in known
        },
    )


def _size(path: Path) -> int:
    there = [path] if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in there if file.is_file())
