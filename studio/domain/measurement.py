"""What the micro-benchmark measured of one device: seconds for units of work, by number type and setting.

Every figure is a steady state: the first run, which prepares, is never counted.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct

FORMAT = 2
BUSY = 0.1  # of the processors' time; with more of it taken by other programs the figures are doubtful


class Setting(Struct, frozen=True, kw_only=True):
    """How something is computed. `precision`: "float32", "bfloat16", "float16". `threads`: CPU threads."""

    precision: str
    channels_last: bool = False
    threads: int = 1


class Rates(Struct, frozen=True, kw_only=True):
    """Measured points of one precision, each (sizes..., seconds for one unit of work).

    `linear`: (rows, seconds per weight), weights too many for the caches, as a model has them.
    `convolution`: (channels, positions, seconds per multiply-add), 3 x 3, channels-last if `channels_last`.
    `attention`: (queries, keys, width of a head, seconds per multiply-add).
    `pointwise`: (elements, seconds per element).
    `call`: seconds of an operation that has next to nothing to compute.
    """

    precision: str
    channels_last: bool
    linear: tuple[tuple[float, float], ...]
    convolution: tuple[tuple[float, float, float], ...]
    attention: tuple[tuple[float, float, float, float], ...]
    pointwise: tuple[tuple[float, float], ...]
    call: float


class Reference(Struct, frozen=True, kw_only=True):
    """A small network of a known shape, measured whole: what single operations leave out.

    `net`: which one of `studio.domain.cost.references`. `seconds` of one step.
    """

    net: str
    setting: Setting
    seconds: float


class Library(Struct, frozen=True, kw_only=True):
    """What importing costs a fresh engine, files in the page cache. `bytes`: resident memory afterwards."""

    seconds: float
    bytes: int


class Compiler(Struct, frozen=True, kw_only=True):
    """What torch's compiler makes of the small denoiser: its time over the plain one's, and what that took.

    `reason`: why it cannot be used here, in its own words; then the figures mean nothing.
    """

    ratio: float = 1.0
    seconds: float = 0.0
    reason: str = ""


class Measurements(Struct, frozen=True, kw_only=True):
    """Of one device of one computer with one build of torch.

    `versions`: distributions that the figures depend on. `taken`: POSIX seconds. `throttled`: the
    same work became slower during the benchmark. `best`: the quickest setting found for a denoiser's
    step. `matmul`: multiply-adds a second by type, for people. `memory_bandwidth`, `disk_read`: bytes
    a second. `copy`: seconds to convert one element of a file's type into another ("float16>float32").
    `libraries`: by family name. `own`: figures that families measured themselves. `compiler`: None where
    there was no time to try it.
    """

    device: str
    name: str
    versions: dict[str, str]
    taken: float
    threads: int
    rates: tuple[Rates, ...]
    references: tuple[Reference, ...]
    best: Setting
    matmul: dict[str, float]
    memory_bandwidth: float
    disk_read: float
    copy: dict[str, float]
    libraries: dict[str, Library]
    own: dict[str, float] = {}
    compiler: Compiler | None = None
    throttled: bool = False
    seconds: float = 0.0
    format: int = FORMAT
    details: dict[str, Any] = {}

    @property
    def subject(self) -> str:
        """What was measured: the same for two runs of the benchmark that can differ by chance alone."""
        libraries = " ".join(f"{name}-{version}" for name, version in sorted(self.versions.items()))
        return f"{self.name}, {self.device}, {libraries}"

    @property
    def others(self) -> float:
        """The share of the processors' time, 0..1, that other programs took meanwhile."""
        return float(self.details.get("others", 0.0))

    @property
    def doubtful(self) -> bool:
        """Whether the computer was busy or hot, so that the same work may take less at another time."""
        return self.throttled or self.others > BUSY

    def of(self, precision: str, *, channels_last: bool = False) -> Rates | None:
        """The rates measured in *precision*; those of the other memory format where only that was."""
        same = [rates for rates in self.rates if rates.precision == precision]
        exact = [rates for rates in same if rates.channels_last == channels_last]
        return next(iter(exact or same), None)
