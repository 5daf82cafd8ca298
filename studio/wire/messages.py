"""Every message between the studio and its engine. A closed set: a new kind raises PROTOCOL."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from studio.domain.artifact import Artifact
from studio.domain.failure import Failure
from studio.domain.job import Outcome
from studio.domain.machine import TorchBuild
from studio.domain.measurement import Measurements
from studio.domain.model import ModelSource
from studio.domain.plan import Plan
from studio.domain.request import Request
from studio.wire.frames import Frame, FrameError

PROTOCOL = 2


class Message(Struct, frozen=True, kw_only=True, tag_field="type", tag=str.lower):
    pass


# --- studio to engine ---------------------------------------------------------------------------


class Run(Message, frozen=True, kw_only=True):
    """Do a job. Results go below `outputs` (an absolute folder) as `YYYY-MM-DD/...`.

    `model` is None for a family that needs none. `outputs_exact`: instead, the exact file to write
    (the terminal's `-o`); with a `count` above one its name gets `-1`, `-2` and so on, else only
    further results do. `overwrite` allows replacing them.
    `label`: write the AI-content label into the metadata.
    """

    job: str
    request: Request
    model: ModelSource | None
    plan: Plan
    outputs: str
    outputs_exact: str | None = None
    overwrite: bool = False
    label: bool = True


class Cancel(Message, frozen=True, kw_only=True):
    job: str


class Ping(Message, frozen=True, kw_only=True):
    n: int


class Unload(Message, frozen=True, kw_only=True):
    """Forget resident models now, but on a device where a job runs."""


class Configure(Message, frozen=True, kw_only=True):
    """`idle_unload_seconds`: forget a model not used for so long; 0 is never."""

    idle_unload_seconds: float


class Probe(Message, frozen=True, kw_only=True):
    """Which devices can really compute? Answered by `Devices`."""


class Measure(Message, frozen=True, kw_only=True):
    """Measure a concrete `device`, in about so many `seconds`: a job like `Run`, answered by `Measured`.

    `name` goes into the measurements. `folder`: an empty one for large files, on the disk that is measured.
    `compiler`: also try torch's compiler, which may take minutes.
    """

    job: str
    device: str
    name: str
    folder: str
    seconds: float
    compiler: bool = False


class Shutdown(Message, frozen=True, kw_only=True):
    pass


# --- engine to studio ---------------------------------------------------------------------------


class Ready(Message, frozen=True, kw_only=True):
    protocol: int
    pid: int
    version: str


class Pong(Message, frozen=True, kw_only=True):
    """`resident`: ids of the loaded models. `jobs`: those that run. `ram_bytes`: the process's memory now."""

    n: int
    ram_bytes: int
    resident: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()


class DeviceState(Struct, frozen=True, kw_only=True):
    """`device` as requests name it. `reason`, if not usable: a text key, or the library's words."""

    device: str
    name: str
    usable: bool
    memory_total_bytes: int | None = None
    memory_free_bytes: int | None = None
    reason: str = ""


class Devices(Message, frozen=True, kw_only=True):
    """`build` is None without a torch that starts."""

    devices: tuple[DeviceState, ...]
    versions: dict[str, str]
    build: TorchBuild | None = None


class Started(Message, frozen=True, kw_only=True):
    """The worker of this concrete device has begun the job."""

    job: str
    device: str


class PhaseProgress(Message, frozen=True, kw_only=True):
    """`fraction` of this phase, 0..1 or None for unknown. `step_seconds`: the last step's.

    Of a measurement, `phase` is its section and `fraction` that of the whole.
    """

    job: str
    phase: str
    fraction: float | None = None
    step: int = 0
    steps: int = 0
    step_seconds: float | None = None


class Preview(Message, frozen=True, kw_only=True):
    """Blob: `height * width * 3` bytes RGB, rows from the top."""

    job: str
    index: int
    width: int
    height: int


class TextDelta(Message, frozen=True, kw_only=True):
    job: str
    text: str


class Notice(Message, frozen=True, kw_only=True):
    """Something the user should know while the job goes on: a text key and its values."""

    job: str
    key: str
    values: dict[str, str] = {}


class Saved(Message, frozen=True, kw_only=True):
    """A result is on disk. For sound, the blob may be empty; the file is the truth."""

    job: str
    artifact: Artifact


class Done(Message, frozen=True, kw_only=True):
    job: str
    outcome: Outcome


class Measured(Message, frozen=True, kw_only=True):
    job: str
    measurements: Measurements


class Cancelled(Message, frozen=True, kw_only=True):
    job: str


class Failed(Message, frozen=True, kw_only=True):
    """`job` is None when the engine itself failed."""

    job: str | None
    failure: Failure


ToEngine = Run | Cancel | Ping | Unload | Configure | Probe | Measure | Shutdown
FromEngine = (
    Ready
    | Pong
    | Devices
    | Started
    | PhaseProgress
    | Preview
    | TextDelta
    | Notice
    | Saved
    | Done
    | Measured
    | Cancelled
    | Failed
)

_encoder = msgspec.json.Encoder()
_to_engine = msgspec.json.Decoder(ToEngine)
_from_engine = msgspec.json.Decoder(FromEngine)


def to_frame(message: ToEngine | FromEngine, blob: bytes = b"") -> Frame:
    return Frame(_encoder.encode(message), blob)


def to_engine(frame: Frame) -> ToEngine:
    """Raises FrameError for what is not a message to the engine."""
    try:
        return _to_engine.decode(frame.header)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise FrameError(f"not a message: {error}") from error


def from_engine(frame: Frame) -> FromEngine:
    """Raises FrameError for what is not a message from the engine."""
    try:
        return _from_engine.decode(frame.header)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise FrameError(f"not a message: {error}") from error
