"""How a request will run here, and what it is predicted to take."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct

from studio.domain.cost.cost import Cost

AUTO = "auto"


class Fit(StrEnum):
    """GREEN: the high end is at most 80 % of what is available. AMBER: the middle fits. RED: it does not."""

    GREEN = "green"
    AMBER = "amber"
    RED = "red"
    UNKNOWN = "unknown"


class Span(Struct, frozen=True, kw_only=True):
    low: float
    mid: float
    high: float

    def times(self, factor: float) -> Span:
        return Span(low=self.low * factor, mid=self.mid * factor, high=self.high * factor)


class KvCache(Struct, frozen=True, kw_only=True):
    """What a language model keeps of earlier tokens. `length`: tokens it has room for, 0 for what is asked.

    `type`: "f16", "q8_0" or "q4_0"; or, of numbers as the model has them, "dynamic", which grows with the
    text, or "static", which is made whole at first.
    """

    type: str
    length: int = 0


class Plan(Struct, frozen=True, kw_only=True):
    """What the engine is told. `device`: a concrete one, or "auto" for it to choose.

    `precision`: "float32", "bfloat16" or "float16" by part ("*": every other); empty is the family's own
    choice, as "auto" and None are. `memory_format`: "contiguous" or "channels_last". `attention`: "sdpa"
    (torch chooses the kernel), "flash" (no other kernel), "eager" (all scores are written out) or "sliced"
    (those of one head at a time). `offload`: "none", "model" (a part is on the accelerator while it
    computes), "group" (a block of layers is) or "sequential" (a layer is). `tiling`: pictures are decoded
    piece by piece. `slicing`: the two halves of guidance are computed one after the other. `compile`: by
    torch's compiler. `threads`: 0 is one per physical core.
    """

    device: str
    threads: int = 0
    precision: dict[str, str] = {}
    memory_format: str = AUTO
    attention: str = AUTO
    offload: str = "none"
    tiling: bool | None = None
    slicing: bool = False
    kv_cache: KvCache | None = None
    compile: bool = False

    @property
    def channels_last(self) -> bool:
        return self.memory_format == "channels_last"

    def precision_of(self, part: str) -> str:
        """ "auto" where the family chooses."""
        return self.precision.get(part) or self.precision.get("*") or AUTO

    @property
    def loading(self) -> tuple[object, ...]:
        """What a model that is in memory cannot change any more."""
        precision = tuple(sorted(self.precision.items()))
        kept = self.kv_cache.type if self.kv_cache else ""
        return (precision, self.memory_format, self.attention, self.offload, kept, self.compile)

    @property
    def built(self) -> str:
        """In one word what changes how quick it is, and how large."""
        words = [self.precision_words, self.memory_format, self.attention, self.offload]
        words += [name for name in ("tiling", "slicing", "compile") if getattr(self, name)]
        kept = [self.kv_cache.type] if self.kv_cache else []
        return " ".join([*words, *kept, str(self.threads)])

    @property
    def precision_words(self) -> str:
        """For a record: "unet bfloat16, float32"."""
        words = [f"{part} {kind}" for part, kind in sorted(self.precision.items()) if part != "*"]
        return ", ".join([*words, self.precision.get("*", "" if words else AUTO)]).removesuffix(", ")


class Loaded(Struct, frozen=True, kw_only=True):
    """What really is in memory, as the engine finds it after loading, in `Plan`'s words; "auto" only where a
    library chose and does not tell.

    `precision`: the type of most weights by part, `weight_bytes` what they take. `attention`: "" where
    there is none. `tiling`, `slicing`: as the last picture was made.
    """

    precision: dict[str, str]
    weight_bytes: dict[str, int]
    memory_format: str
    attention: str = ""
    offload: str = "none"
    tiling: bool = False
    slicing: bool = False
    kv_cache: KvCache | None = None
    compile: bool = False
    threads: int = 0


class Prediction(Struct, frozen=True, kw_only=True):
    """Peak bytes of RAM and of the accelerator's memory, seconds in all and the middle by phase.

    `breakdown`: bytes of the middle by what uses them, of the memory that decides. `seconds` is None
    where nothing was measured.
    """

    ram: Span
    vram: Span | None
    seconds: Span | None
    phases: dict[str, float]
    breakdown: dict[str, float]


class Counted(Struct, frozen=True, kw_only=True):
    """The middle of a prediction before runs corrected it: what later runs are compared with.

    `basis`: when the measurements were taken that it rests on, 0 for none; `subject`: of what. `started`:
    the engine had its imports.
    """

    ram: float
    vram: float | None = None
    phases: dict[str, float] = {}
    basis: float = 0.0
    subject: str = ""
    started: bool = False


class Planned(Struct, frozen=True, kw_only=True):
    """A plan and what it takes. `available_bytes` of the memory that decides: `prediction.vram` if any.

    `ram_bytes` is the computer's memory that may be used. `learnt`: runs of this model corrected it.
    `doubtful`: none did, and the figures were taken of a busy or hot computer. `cost`: what was counted.
    `most`: the time is that of the longest that may come; it may end long before, as a text does.
    """

    plan: Plan
    cost: Cost
    prediction: Prediction
    counted: Counted
    fit: Fit
    available_bytes: int
    learnt: bool = False
    doubtful: bool = False
    most: bool = False

    ram_bytes: int

    @property
    def memory(self) -> Span:
        return self.prediction.vram or self.prediction.ram

    @property
    def safe(self) -> bool:
        """Whether even the high end of the prediction is available."""
        ram = self.prediction.ram.high <= self.ram_bytes
        return ram and self.memory.high <= self.available_bytes


class Plans(Struct, frozen=True, kw_only=True):
    """`plans`: the best first. `fits`: the high end of what the best takes is there. `reason`: a text key.

    `refused`: the choice of the request ("attention=flash") that no plan can have, for that reason.
    """

    fits: bool
    plans: tuple[Planned, ...]
    reason: str
    refused: str = ""


class Estimate(Struct, frozen=True, kw_only=True):
    """Bytes of memory and seconds; None where nothing is known yet. `parts`: bytes by what uses them. `most`
    as in `Planned`.
    """

    fit: Fit
    memory: Span | None
    available_bytes: int
    seconds: Span | None = None
    parts: dict[str, int] = {}
    measured: bool = False
    most: bool = False


def fit(memory: Span | None, available_bytes: int) -> Fit:
    if memory is None:
        return Fit.UNKNOWN
    if memory.mid > available_bytes:
        return Fit.RED
    return Fit.GREEN if memory.high <= 0.8 * available_bytes else Fit.AMBER
