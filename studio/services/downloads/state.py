"""How far a download is."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from msgspec import Struct

from studio.domain.failure import Failure

# "find": asking where the files are; "convert": making fetched files usable.
Stage = Literal["find", "download", "check", "convert"]


class State(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        return self in (State.PAUSED, State.DONE, State.CANCELLED, State.FAILED)


class FileState(Struct, frozen=True, kw_only=True):
    """One file under way: `done` of `total` bytes, 0 while unknown."""

    name: str
    done: int
    total: int


class DownloadState(Struct, frozen=True, kw_only=True):
    """A snapshot. `stage` says what is being done while running: "find", "download", "check", "convert".

    Bytes are of that stage; `total_bytes` is 0 while unknown. `remaining` in seconds, None while unknown.
    `files`: those under way. `failure`: why it failed, or why it was paused where nobody asked for that.
    `refused`, once done: sources that had or sent something else than they should.
    """

    id: str
    state: State
    stage: Stage = "find"
    done_bytes: int = 0
    total_bytes: int = 0
    bytes_per_second: float = 0.0
    remaining: float | None = None
    files: tuple[FileState, ...] = ()
    failure: Failure | None = None
    refused: tuple[str, ...] = ()
