"""What a result's file says about itself, so that it can be made again.

Where it stands: PNG, the text chunk `infotext.CHUNK`; WAV, `ICMT` in LIST/INFO; FLAC, the Vorbis
comment `COMMENT`; anything else, the file `sidecar` beside it.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from studio.domain.licence import Terms
from studio.domain.request import Request

FORMAT = 1
PROGRAM = "AIGC Studio"


class Record(Struct, frozen=True, kw_only=True):
    """The request and what it ran on; nothing in it changes when the same request runs again.

    `seed` and `index` are this file's own. `libraries`: versions by distribution. `terms`: what the
    licences of all that it was made with allowed together; their own words stand behind `ids`. A reader must
    allow for any of it to be missing or later than `format`.
    """

    request: Request
    version: str
    model_title: str = ""
    device: str = ""
    precision: str = ""
    libraries: dict[str, str] = {}
    index: int = 0
    seed: int | None = None
    label: dict[str, str] = {}
    terms: Terms | None = None
    program: str = PROGRAM
    format: int = FORMAT


def sidecar(path: Path) -> Path:
    """Where the record of *path* lies if the file cannot hold it: `a.txt` has `a.txt.json`."""
    return path.with_name(f"{path.name}.json")


_decoder = msgspec.json.Decoder(Record)


def encode_record(record: Record) -> bytes:
    """JSON in UTF-8 whose bytes depend on *record* only."""
    return msgspec.json.encode(record, order="deterministic")


def decode_record(data: bytes | str) -> Record | None:
    """The record in *data*, None when it is none that this version understands."""
    try:
        record = _decoder.decode(data.encode() if isinstance(data, str) else data)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):  # the last: brackets without end
        return None
    return record if record.format <= FORMAT else None
