"""What runs have cost on this computer: how long each phase took and how much memory, by model and size.

Predictions are medians of the last runs of the same work; other sizes of the same model are scaled.
"""

from __future__ import annotations

import logging
import math
import sqlite3
import statistics
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any

import msgspec
from msgspec import Struct

from studio.domain.family import FamilySpec
from studio.domain.job import Peak
from studio.domain.parameter import Integer, Parameter, ParameterError, Size
from studio.domain.plan import Counted, Plan, Span
from studio.domain.planning import Correction
from studio.services.database import Database

log = logging.getLogger(__name__)

LAST = 8  # runs of the same work that count
KEPT = 64  # runs of one model on one device that are kept
AMOUNTS = ("steps", "count", "frames", "seconds")  # whole numbers that the time grows with
LOAD = "load"
DOUBTED = (0.67, 1.5)  # for ratios that were found another way
UNSURE = (0.6, 1.6)  # around what was scaled from other sizes


class Work(Struct, frozen=True):
    """How much a request asks for. Equal keys: the same work. `amount` is in no unit, only for ratios."""

    key: str
    amount: float


def work_of(spec: FamilySpec, values: dict[str, Any]) -> Work:
    """From the parameters that the time grows with, else from the length of the prompt.

    A text ends when it ends: there the limit says little, so it is not scaled by.
    """
    words: list[str] = []
    amount = 1.0
    for parameter in spec.parameters:
        value = _legal(parameter, values)
        if isinstance(parameter, Size):
            width, height = value
            words.append(f"{width}x{height}")
            amount *= width * height
        elif isinstance(parameter, Integer) and parameter.name in AMOUNTS:
            words.append(f"{parameter.name}{value}")
            amount *= value
    if "stream" in spec.capabilities:
        limit = values.get("max_tokens") or 1
        return Work(f"tokens{_step(limit)}", 1.0)
    if not words:
        length = len(str(values.get("prompt", ""))) or 1
        return Work(f"letters{_step(length)}", float(length))
    return Work(" ".join(words), amount)


def _legal(parameter: Parameter, values: dict[str, Any]) -> Any:
    """The value, or the usual one while a field holds something else."""
    try:
        return parameter.check(values.get(parameter.name, parameter.default))
    except ParameterError:
        return parameter.default


def _step(number: float) -> int:
    return round(2 ** round(math.log2(max(number, 1))))


class PastRun(Struct, frozen=True, kw_only=True):
    """One finished job. `asked` is the device of the request, `device` the one it ran on.

    `cold`: the model was not in memory before. `timings` in seconds, `step_seconds` a usual step's.
    `rate`: tokens a second, or seconds of sound made in one; None for what is not a stream. `built`: how
    the plan computed it, and `counted` what it predicted; both are missing in runs of older versions, as
    `plan` and `cost` are, by which that can be counted again.
    """

    model: str
    family: str
    asked: str
    device: str
    work: Work
    cold: bool
    ended: float
    timings: dict[str, float]
    peak: Peak
    step_seconds: float | None = None
    rate: float | None = None
    built: str = ""
    counted: Counted | None = None
    plan: Plan | None = None
    cost: dict[str, Any] | None = None


class Learnt(Struct, frozen=True, kw_only=True):
    """What to expect. `phases`: seconds each. `exact`: this very work was done before. `rate`: PastRun's."""

    phases: dict[str, float]
    seconds: Span
    ram: Span
    vram: Span | None
    exact: bool
    step_seconds: float | None = None
    rate: float | None = None


class History:
    """Kept in the database if there is one, and in memory to be asked at once."""

    def __init__(self, database: Database | None = None) -> None:
        self._database = database
        self._runs: dict[tuple[str, str, str], deque[PastRun]] = defaultdict(lambda: deque(maxlen=KEPT))

    async def load(self) -> None:
        """Read what earlier sessions learnt."""
        if self._database is None:
            return
        rows = await self._database.run(
            lambda connection: connection.execute("SELECT run FROM runs ORDER BY id").fetchall()
        )
        for (data,) in rows:
            try:
                run = msgspec.json.decode(data, type=PastRun)
            except msgspec.MsgspecError as error:
                log.info("a run of another version is not counted: %s", error)
                continue
            self._runs[run.model, run.family, run.device].append(run)

    def record(self, run: PastRun) -> None:
        """Learn from a finished job."""
        key = (run.model, run.family, run.device)
        self._runs[key].append(run)
        if self._database is not None:
            self._database.soon(lambda connection: _insert(connection, run))

    def device_of(self, model: str, family: str, asked: str) -> str | None:
        """Where this model last ran when *asked* was the request's device; None when it never did."""
        runs = [
            run
            for (name, kind, _), runs in self._runs.items()
            if (name, kind) == (model, family)
            for run in runs
            if run.asked == asked
        ]
        return max(runs, key=lambda run: run.ended).device if runs else None

    def last_used(self, model: str) -> float | None:
        """When a job with *model* last ended, POSIX seconds; None when none ever did."""
        runs = [runs[-1].ended for (name, _, _), runs in self._runs.items() if name == model and runs]
        return max(runs, default=None)

    def corrections(
        self,
        model: str,
        family: str,
        device: str,
        work: Work,
        counted: Callable[[PastRun], Counted | None],
    ) -> dict[str, Correction]:
        """What runs say of the next, by `Plan.built`. *counted*: what each would be predicted to take by the
        figures of today, None for one that cannot be compared with them.

        Of those built alike the same *work* counts alone where it was done before. "" is for what was
        never built so: other ways say less of it, so their ratios of time are taken within `DOUBTED`.
        """
        known = ((run, counted(run)) for run in self._runs.get((model, family, device), ()))
        runs = [(run, predicted) for run, predicted in known if predicted is not None]
        found: dict[str, Correction] = {}
        for way in dict.fromkeys(run.built for run, _ in runs):
            alike = [pair for pair in runs if pair[0].built == way]
            same = [pair for pair in alike if pair[0].work.key == work.key]
            found[way] = _corrected((same or alike)[-LAST:], exact=bool(same))
        if runs:
            found[""] = _doubted(_corrected(runs[-LAST:], exact=False))
        return found

    def learnt(self, model: str, family: str, device: str, work: Work, *, cold: bool) -> Learnt | None:
        """What to expect of this work on the concrete *device*; None when this model never ran there."""
        runs = list(self._runs.get((model, family, device), ()))
        if not runs:
            return None
        same = [run for run in runs if run.work.key == work.key][-LAST:]
        exact = bool(same)
        if not exact:
            nearest = min(runs, key=lambda run: abs(math.log(run.work.amount / work.amount)))
            same = [run for run in runs if run.work.key == nearest.work.key][-LAST:]
        scale = work.amount / same[-1].work.amount
        phases = _phases(same, scale)
        load = _load(runs, cold=cold)
        phases[LOAD] = load
        totals = [_without_load(run) * scale + load for run in same]
        seconds = Span(low=min(totals), mid=statistics.median(totals), high=max(totals))
        if not exact:
            seconds = Span(low=seconds.low * UNSURE[0], mid=seconds.mid, high=seconds.high * UNSURE[1])
        steps = [run.step_seconds for run in same if run.step_seconds is not None]
        vram = [run.peak.vram_bytes for run in same if run.peak.vram_bytes is not None]
        rates = [run.rate for run in runs if run.rate is not None][-LAST:]
        return Learnt(
            phases=phases,
            seconds=seconds,
            ram=_span([run.peak.ram_bytes for run in same]),
            vram=_span(vram) if vram else None,
            exact=exact,
            step_seconds=statistics.median(steps) if steps else None,
            rate=statistics.median(rates) if rates else None,
        )


def _corrected(runs: list[tuple[PastRun, Counted]], *, exact: bool) -> Correction:
    """Medians of measured over predicted. Loading counts where there was some."""
    ratios: dict[str, list[float]] = defaultdict(list)
    for run, counted in runs:
        for name, predicted in counted.phases.items():
            took = run.timings.get(name, 0.0)
            if predicted > 0 and took > 0 and (name != LOAD or run.cold):
                ratios[name].append(took / predicted)
        ratios["ram"].append(run.peak.ram_bytes / counted.ram)
        if run.peak.vram_bytes and counted.vram:
            ratios["vram"].append(run.peak.vram_bytes / counted.vram)
    found = {name: statistics.median(values) for name, values in ratios.items()}
    ram, vram = found.pop("ram", 1.0), found.pop("vram", 1.0)
    return Correction(phases=found, ram=ram, vram=vram, runs=len(runs), exact=exact)


def _doubted(correction: Correction) -> Correction:
    low, high = DOUBTED
    phases = {name: min(max(ratio, low), high) for name, ratio in correction.phases.items()}
    return msgspec.structs.replace(correction, phases=phases)


def _phases(runs: list[PastRun], scale: float) -> dict[str, float]:
    names = dict.fromkeys(name for run in runs for name in run.timings if name not in (LOAD, "total"))
    return {name: scale * statistics.median(run.timings.get(name, 0.0) for run in runs) for name in names}


def _load(runs: list[PastRun], *, cold: bool) -> float:
    """Loading depends on the model alone; one that is in memory takes next to nothing."""
    loads = [run.timings.get(LOAD, 0.0) for run in runs if run.cold == cold][-LAST:]
    if loads:
        return statistics.median(loads)
    return max(run.timings.get(LOAD, 0.0) for run in runs) if cold else 0.0


def _without_load(run: PastRun) -> float:
    return max(run.timings.get("total", 0.0) - run.timings.get(LOAD, 0.0), 0.0)


def _span(values: list[int]) -> Span:
    return Span(low=min(values), mid=statistics.median(values), high=1.1 * max(values))


def _insert(connection: sqlite3.Connection, run: PastRun) -> None:
    key = (run.model, run.family, run.device)
    connection.execute(
        "INSERT INTO runs (model, family, device, ended, run) VALUES (?, ?, ?, ?, ?)",
        (*key, run.ended, msgspec.json.encode(run)),
    )
    connection.execute(
        "DELETE FROM runs WHERE model = ? AND family = ? AND device = ? AND id NOT IN"
        " (SELECT id FROM runs WHERE model = ? AND family = ? AND device = ? ORDER BY id DESC LIMIT ?)",
        (*key, *key, KEPT),
    )
