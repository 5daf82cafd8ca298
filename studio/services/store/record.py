"""The record of a stored model: what lies in its folder, where it came from, what was agreed to.

A folder without a record is not a model: the record is written last, before the folder gets its name.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Raw, Struct

from studio.domain.model import Model, ModelFile
from studio.wire import files

log = logging.getLogger(__name__)

T = TypeVar("T")

NAME = ".studio.json"
OLD_NAME = "record.json"
"""Of folders that are named by a model's id alone, as versions before 0.4 made them."""

NOTHING = Raw(b"null")


class Accepted(Struct, frozen=True, kw_only=True):
    """The licence that was shown and agreed to at `date`, POSIX seconds; `text` are its words where known."""

    id: str
    url: str = ""
    text: str = ""
    date: float = 0.0


class Record(Struct, frozen=True, kw_only=True):
    """`ids`: the models that these files are. `place`: the folder, relative to any root, with "/".

    `source` is the kind it came from, `origin` its address or package in words, `commit` pins a
    repository, `choice` names which of its forms this is. Every file has its size and sha256; not
    `verified`: no source gave them, they are ours. `installed`: POSIX seconds. `lineage`: what a model that
    was made here was made of, by ids. `model` is what was known of it, for a studio whose list does not
    have it; kept as it was written, since another version may not be able to read it.
    """

    ids: tuple[str, ...]
    place: str
    source: str
    origin: str
    files: tuple[ModelFile, ...]
    licence: Accepted
    installed: float
    commit: str = ""
    choice: str = ""
    verified: bool = True
    lineage: tuple[str, ...] = ()
    model: Raw = NOTHING

    @property
    def bytes(self) -> int:
        return sum(file.bytes or 0 for file in self.files)

    def described(self) -> Model | None:
        """What was known of the model; None where this version cannot read it."""
        try:
            return msgspec.json.decode(self.model, type=Model | None)
        except msgspec.MsgspecError as error:
            log.info("%s is described for another version: %s", self.place, error)
            return None


class OldRecord(Struct, frozen=True, kw_only=True):
    """What `OLD_NAME` holds."""

    id: str
    source: str
    origin: str
    files: tuple[ModelFile, ...]
    licence: str
    accepted: float
    installed: float
    commit: str = ""
    verified: bool = True


def read_record(folder: Path) -> Record | None:
    """The record in *folder*, None when it has none that can be read."""
    return _read(folder / NAME, Record)


def read_old_record(folder: Path) -> OldRecord | None:
    """As `read_record`, of earlier versions."""
    return _read(folder / OLD_NAME, OldRecord)


def write_record(folder: Path, record: Record) -> None:
    """Raises OSError."""
    files.write(folder / NAME, msgspec.json.format(msgspec.json.encode(record)))


def _read(file: Path, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=kind)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        log.warning("%s cannot be read: %s", file, error)
        return None
