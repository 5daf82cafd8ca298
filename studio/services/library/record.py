"""The record of a model that was fetched: what lies in its folder, where it came from, what was agreed to.

A folder without a record is not a model: the record is written last, before the folder gets its name.
"""

from __future__ import annotations

import logging
from pathlib import Path

import msgspec
from msgspec import Struct

from studio.domain.model import ModelFile
from studio.wire import files

log = logging.getLogger(__name__)

NAME = "record.json"
PARTS = ".parts"
"""The folder beside the models' for what is not a model (yet)."""


class Record(Struct, frozen=True, kw_only=True):
    """`source` is the kind it came from, `origin` its repository, index or package in words.

    `commit` pins a repository. `licence` was shown and accepted at `accepted`, POSIX seconds
    like `installed`. Every file has its size and sha256; not `verified`: no source gave them, they are ours.
    """

    id: str
    source: str
    origin: str
    files: tuple[ModelFile, ...]
    licence: str
    accepted: float
    installed: float
    commit: str = ""
    verified: bool = True

    @property
    def bytes(self) -> int:
        return sum(file.bytes or 0 for file in self.files)


def read_record(folder: Path) -> Record | None:
    """The record in *folder*, None when it has none that can be read."""
    file = folder / NAME
    try:
        return msgspec.json.decode(file.read_bytes(), type=Record)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        log.warning("%s cannot be read: %s", file, error)
        return None


def write_record(folder: Path, record: Record) -> None:
    """Raises OSError."""
    files.write(folder / NAME, msgspec.json.format(msgspec.json.encode(record)))
