"""A request on its way: its state, how far it is, and what it cost."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from studio.domain.artifact import Artifact
from studio.domain.failure import Failure
from studio.domain.plan import Loaded
from studio.domain.request import Request


class JobState(StrEnum):
    HELD = "held"  # kept from an earlier run of the studio; starts only when asked
    WAITING = "waiting"
    RUNNING = "running"
    CANCELLING = "cancelling"
    DONE = "done"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def ended(self) -> bool:
        return self in (JobState.DONE, JobState.CANCELLED, JobState.FAILED)


class Tokens(Struct, frozen=True, kw_only=True):
    """`per_second` counts generated tokens over the time that generating took.

    `context`: how many tokens the model can see at once, 0 if that is not known.
    """

    prompt: int
    generated: int
    per_second: float
    context: int = 0


class Peak(Struct, frozen=True, kw_only=True):
    """Highest use of memory by the engine during the job, in bytes."""

    ram_bytes: int
    vram_bytes: int | None = None


class Outcome(Struct, frozen=True, kw_only=True):
    """What a finished job cost. `timings`: seconds by phase, and "total".

    `finish`: why a text ended, "stop" or "limit". `loaded`: how the model was in memory.
    """

    timings: dict[str, float]
    peak: Peak
    device: str
    tokens: Tokens | None = None
    finish: str | None = None
    loaded: Loaded | None = None


class Progress(Struct, frozen=True, kw_only=True):
    """`fraction` of the whole job in 0..1, None when unknown; `step` of `steps` in this phase.

    `remaining` seconds, None until it can be said truthfully.
    """

    phase: str
    fraction: float | None = None
    step: int = 0
    steps: int = 0
    remaining: float | None = None


class Job(Struct, frozen=True, kw_only=True):
    """A snapshot; the queue replaces it as things happen. Times are POSIX seconds."""

    id: str
    request: Request
    state: JobState = JobState.WAITING
    created: float
    started: float | None = None
    ended: float | None = None
    progress: Progress | None = None
    text: str = ""
    artifacts: tuple[Artifact, ...] = ()
    outcome: Outcome | None = None
    failure: Failure | None = None
