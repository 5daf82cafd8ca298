"""What passes between the studio and its download helper: one order down, news up."""

from __future__ import annotations

from typing import TypeVar

import msgspec
from msgspec import Struct

from studio.domain.failure import Failure
from studio.domain.model import Model
from studio.domain.remote import Hit, RemoteModel
from studio.services.downloads.findings import Access, Speed
from studio.services.downloads.route import Route
from studio.services.downloads.state import FileState, Stage
from studio.wire.frames import Frame, FrameError


class Message(Struct, frozen=True, kw_only=True, tag_field="type", tag=str.lower):
    pass


RATE = "download-rate"
"""Beside the record of connections: the file of the rate that all downloads share."""


class Fetch(Message, frozen=True, kw_only=True):
    """Get `model` into `folder`, one of the library's roots.

    `logs` is the folder of the record of connections, `limit` the file of the rate that all downloads
    share. `accepted`: when the licence was agreed to, POSIX seconds, and `licence_text` its words where
    known. `route` holds tokens: it travels in this frame only. `broken`: the folder of a copy to repair,
    whose right files need not come again.
    """

    model: Model
    folder: str
    logs: str
    limit: str
    accepted: float
    licence_text: str = ""
    route: Route = Route()
    broken: str = ""


class Probe(Message, frozen=True, kw_only=True):
    """Look at a repository on the hub without fetching it.

    `variant` as in `RemoteModel`, "" the usual one. Only files that match one of the patterns `files`
    count. `logs` and `route` as in `Fetch`. `modelscope`: it is there, not on the hub.
    """

    repo: str
    logs: str
    revision: str = "main"
    variant: str = ""
    modelscope: bool = False
    files: tuple[str, ...] = ("*",)
    route: Route = Route()


class Search(Message, frozen=True, kw_only=True):
    """Search the hub. `task` as the studio calls it, "" any; `sort` one of `looking.SORTS`."""

    query: str
    logs: str
    task: str = ""
    sort: str = "downloads"
    limit: int = 50
    route: Route = Route()


class ReadLicence(Message, frozen=True, kw_only=True):
    """Read the licence that lies in a repository."""

    repo: str
    logs: str
    revision: str = "main"
    route: Route = Route()


class Measure(Message, frozen=True, kw_only=True):
    """Test how fast the sources at `endpoints` are. `logs` and `route` as in `Fetch`."""

    endpoints: tuple[str, ...]
    logs: str
    route: Route = Route()


class Ask(Message, frozen=True, kw_only=True):
    """Whether the route's token opens `repo`, "" for whose it is. `logs` and `route` as in `Fetch`."""

    repo: str
    logs: str
    route: Route = Route()


class Progress(Message, frozen=True, kw_only=True):
    """`done` of `total` bytes of this stage; `total` 0 when unknown. `files`: those under way."""

    stage: Stage
    done: int
    total: int
    files: tuple[FileState, ...] = ()


class Finished(Message, frozen=True, kw_only=True):
    """The model is in the library, whole and checked. `refused`: sources that had or sent something else."""

    refused: tuple[str, ...] = ()


class Paused(Message, frozen=True, kw_only=True):
    """Another process asked for a pause; what has arrived is kept."""


class Probed(Message, frozen=True, kw_only=True):
    model: RemoteModel


class Hits(Message, frozen=True, kw_only=True):
    hits: tuple[Hit, ...]


class Text(Message, frozen=True, kw_only=True):
    text: str


class Measured(Message, frozen=True, kw_only=True):
    speeds: tuple[Speed, ...]


class Asked(Message, frozen=True, kw_only=True):
    access: Access


class Failed(Message, frozen=True, kw_only=True):
    failure: Failure


Order = Fetch | Probe | Search | ReadLicence | Measure | Ask
"""The first and only message to a helper."""

FromHelper = Progress | Finished | Paused | Probed | Hits | Text | Measured | Asked | Failed
T = TypeVar("T")

_encoder = msgspec.json.Encoder()
_order: msgspec.json.Decoder[Order] = msgspec.json.Decoder(Order)
_from_helper: msgspec.json.Decoder[FromHelper] = msgspec.json.Decoder(FromHelper)


def to_frame(message: Order | FromHelper) -> Frame:
    return Frame(_encoder.encode(message))


def order_of(frame: Frame) -> Order:
    """Raises FrameError."""
    return _decode(_order, frame)


def from_helper(frame: Frame) -> FromHelper:
    """Raises FrameError."""
    return _decode(_from_helper, frame)


def _decode(decoder: msgspec.json.Decoder[T], frame: Frame) -> T:
    try:
        return decoder.decode(frame.header)
    except msgspec.MsgspecError as error:
        raise FrameError(f"not a message: {error}") from error
