"""Predicted seconds of each phase: operations over measured rates, and what loading reads and converts."""

from __future__ import annotations

from studio.domain.cost.cost import FILE_TYPES, Cost, Part, Stage
from studio.domain.cost.ops import Attention, Convolution, Linear, Ops, Own, split
from studio.domain.cost.timing import Timing
from studio.domain.measurement import Measurements
from studio.domain.plan import Plan
from studio.domain.planning.framework import Framework, framework
from studio.domain.planning.memory import weight_bytes

LOAD = "load"
TILED = 1.2  # times: the tiles of a picture overlap
ALL_CONVOLUTION = 0.9  # share of the multiply-adds above which a network counts as one of convolutions
ONE_BY_ONE = 8  # rows up to which a language model writes rather than reads
MODEL = 0.15  # seconds to open one and to read its words, whatever its size
OPENING = 0.05  # the same for each part: its modules are made
WRITTEN = ("eager", "sliced")  # attention that writes its scores out
TO_DEVICE = 6e9  # bytes a second over a usual bus

_Way = tuple[int, str, bool, str, bool, bool]


class Clock:
    """Reads one device's measurements. Keeps what it has worked out: make one per device, ask often."""

    def __init__(self, measured: Measurements) -> None:
        self.measured = measured
        self._timings: dict[tuple[str, bool, str], Timing] = {}
        self._known: tuple[Cost | None, dict[_Way, float]] = (None, {})
        self._frameworks: dict[tuple[str, str, bool], Framework] = {}
        self._bus: float = measured.details.get("to_device") or TO_DEVICE

    def knows(self, cost: Cost, plan: Plan) -> bool:
        """Whether everything that *plan* needs was measured."""
        for stage in cost.stages:
            timing = self._timing(self._precision(plan, stage.part), plan.channels_last)
            if timing is None or not stage.own <= self.measured.own.keys():
                return False
        return True

    def phases(self, cost: Cost, plan: Plan, family: str, *, loaded: bool, started: bool) -> dict[str, float]:
        """Seconds by phase, "load" first."""
        # The stages of one request in other ways are mostly the same again.
        kept = self._known
        if kept[0] is not cost:
            kept = self._known = (cost, {})
        known = kept[1]
        found = {LOAD: 0.0 if loaded else self._load(cost, plan, family, started=started)}
        for stage in cost.stages:
            seconds = self._stage(stage, plan, known)
            if plan.offload != "none":
                moving = self._moving(stage, cost, plan)
                # Blocks travel while others compute, where they are moved that way.
                seconds = max(seconds, moving) if plan.offload == "group" else seconds + moving
            found[stage.phase] = found.get(stage.phase, 0.0) + seconds
        return found

    def _stage(self, stage: Stage, plan: Plan, known: dict[_Way, float]) -> float:
        precision = self._precision(plan, stage.part)
        written = plan.attention if plan.attention in WRITTEN and stage.written.eager else ""
        fixed = plan.kv_cache is not None and plan.kv_cache.type == "static"
        slicing = plan.slicing and stage.batch > 1
        key = (id(stage), precision, plan.channels_last, written, slicing, fixed)
        if key not in known:
            ops, calls = stage.ops, stage.calls
            if slicing:
                ops, calls = split(ops, stage.batch), calls * stage.batch
            if fixed:
                ops = _over_all(ops, stage.cached)
            known[key] = stage.repeats * self._whole(ops, calls, precision, plan.channels_last, written)
        seconds = known[key]
        if plan.tiling and stage.alive_tiled is not None:
            seconds *= TILED
        if plan.compile and stage.compiles and self.measured.compiler is not None:
            seconds = seconds * self.measured.compiler.ratio + self.measured.compiler.seconds
        return seconds

    def _whole(self, ops: Ops, calls: int, precision: str, channels_last: bool, written: str) -> float:
        timing = self._timing(precision, channels_last, written)
        if timing is None:
            return 0.0
        around = self._framework(_alike(ops), precision, channels_last)
        return around.ratio * timing.seconds(ops) + around.call * calls

    def _precision(self, plan: Plan, part: str) -> str:
        asked = plan.precision_of(part)
        return "float32" if asked == "auto" else asked

    def _timing(self, precision: str, channels_last: bool, written: str = "") -> Timing | None:
        key = (precision, channels_last, written)
        if key not in self._timings:
            rates = self.measured.of(precision, channels_last=channels_last)
            if rates is None:
                return None
            self._timings[key] = Timing(rates, self.measured.own, written)
        return self._timings[key]

    def _framework(self, net: str, precision: str, channels_last: bool) -> Framework:
        """What the reference *net* says of what is like it."""
        key = (net, precision, channels_last)
        if key not in self._frameworks:
            timing = self._timing(precision, channels_last)
            assert timing is not None
            self._frameworks[key] = framework(self.measured, timing, net, precision, channels_last)
        return self._frameworks[key]

    def _load(self, cost: Cost, plan: Plan, family: str, *, started: bool) -> float:
        library = self.measured.libraries.get(family)
        imports = library.seconds if library is not None and not started else 0.0
        return imports + MODEL + sum(self._load_part(part, plan) for part in cost.parts)

    def _load_part(self, part: Part, plan: Plan) -> float:
        """From the system's cache of files: where it is not there, the disk's speed decides."""
        if part.load is not None:
            return OPENING + self.measured.own.get(part.load.key, 0.0) * part.load.amount
        target = self._precision(plan, part.name)
        seconds = OPENING + part.stored_bytes / max(self.measured.memory_bandwidth, 1.0)
        stored = FILE_TYPES.get(part.stored_type, part.stored_type)
        if stored != target:  # else the file is mapped, not copied
            seconds += part.elements * self.measured.copy.get(f"{stored}>{target}", 0.0)
        if self.measured.device != "cpu":
            seconds += part.stored_bytes / self._bus
        return seconds

    def _moving(self, stage: Stage, cost: Cost, plan: Plan) -> float:
        part = next((part for part in cost.parts if part.name == stage.part), None)
        times = 2.0 if plan.offload == "model" else stage.repeats  # a part also goes back
        return times * weight_bytes(part, plan) / self._bus if part is not None else 0.0


def _over_all(ops: Ops, keys: int) -> Ops:
    """A cache of fixed size is looked at whole, however much of it is filled."""
    return tuple(
        (op._replace(keys=max(op.keys, keys)) if isinstance(op, Attention) else op, count)
        for op, count in ops
    )


def _alike(ops: Ops) -> str:
    """Which reference these operations are most like."""
    convolution = sum(op.macs * count for op, count in ops if isinstance(op, Convolution))
    total = sum(op.macs * count for op, count in ops)
    if total <= 0 or any(isinstance(op, Own) for op, _ in ops):
        return ""
    if convolution >= ALL_CONVOLUTION * total:
        return "autoencoder"
    if convolution > 0:
        return "denoiser"
    rows = max((op.rows for op, _ in ops if isinstance(op, Linear)), default=0)
    queries = max((op.queries for op, _ in ops if isinstance(op, Attention)), default=0)
    return "writer" if max(rows, queries) <= ONE_BY_ONE else "reader"
