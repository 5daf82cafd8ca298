"""What this computer can do, task by task: how well, with which model, and how long a usual result takes.

`candidates` asks the planner and the history about every known model; `abilities` chooses among what they
say and is pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

from msgspec import Struct

from studio.domain.family import FamilySpec
from studio.domain.model import Model
from studio.domain.parameter import Text
from studio.domain.plan import Fit, Span
from studio.domain.quantity import duration, gigabytes
from studio.domain.request import Request
from studio.domain.text import t
from studio.families.registry import families
from studio.services.estimate import Estimator
from studio.services.library.library import Entry
from studio.services.planning import Planner

LOAD = "load"


class Verdict(StrEnum):
    """COMFORTABLE: nobody waits. SLOW: it works, and one does something else meanwhile."""

    COMFORTABLE = "comfortable"
    SLOW = "slow"
    NOT_POSSIBLE = "not possible"

    @property
    def key(self) -> str:
        """Of its words."""
        return f"ability.{self.name.lower()}"


class Bar(Struct, frozen=True, kw_only=True):
    """What a usual result of a task is, and from when on making it is comfortable.

    `amount`: pictures, tokens, or seconds of sound in it. `least`: so many made in a second are comfortable.
    `small`: bytes of a model up to which a processor will do that, for models of which nothing else is known;
    on an accelerator all that fit do. `values` that make a request the usual one.
    """

    amount: float
    least: float
    small: float
    values: dict[str, object] = {}


# A task is judged when it stands here and a family makes it.
BARS = {
    "text": Bar(amount=200, least=8, small=2.0e9, values={"max_tokens": 200}),  # 8 tokens: reading aloud
    "image": Bar(amount=1, least=1 / 30, small=0.3e9, values={"count": 1}),
    "speech": Bar(amount=6, least=1, small=1.0e9),  # as quick as it is heard
    "music": Bar(amount=10, least=1 / 3, small=0.0, values={"seconds": 10}),
}
# Sentences that take about six seconds to say, by language; other prompts are short as people type them.
SENTENCES = {
    "en": "The ferry leaves at noon, and we shall be on the island well before the evening begins.",
    "zh": "渡船中午出发，傍晚之前我们就能到岛上，一起看海边的日落。",
}
FIGURES = {
    "text": "speed.tokens",
    "image": "speed.seconds",
    "speech": "speed.real_time",
    "music": "ability.figure.music",
}
PROMPTS = {
    "text": "Write two sentences about a teapot.",
    "image": "a red apple, flat style, on white",
    "music": "calm piano",
}


class Candidate(Struct, frozen=True, kw_only=True):
    """A model for a task. `seconds` for the usual result, loading not counted, None if unknown.

    `counted`: its files are known, so that `memory` is more than a guess. `accelerated`: not on a processor.
    """

    task: str
    model: Model
    installed: bool
    bytes: int
    fit: Fit
    memory: Span | None
    available_bytes: int
    seconds: float | None = None
    counted: bool = False
    accelerated: bool = False


class Ability(Struct, frozen=True, kw_only=True):
    """The best that can be done for a task. `best.seconds` is None where nothing was measured."""

    task: str
    verdict: Verdict
    best: Candidate


def abilities(candidates: Iterable[Candidate]) -> dict[str, Ability]:
    """The best ability of each task, in the order of `BARS`. A task without a model that can be judged is
    left out.

    The better verdict wins, then what is known over what is guessed, then the larger model; of guesses
    one that is here, then what is offered first.
    """
    found: dict[str, Ability] = {}
    for task in BARS:
        judged = [(judge(each), each) for each in candidates if each.task == task]
        known = [(verdict, each) for verdict, each in judged if verdict is not None]
        if known:
            verdict, best = min(known, key=lambda pair: _rank(*pair))
            found[task] = Ability(task=task, verdict=verdict, best=best)
    return found


def judge(candidate: Candidate) -> Verdict | None:
    """None where neither its size nor its speed is known."""
    if candidate.fit is Fit.UNKNOWN:
        return None
    if candidate.fit is Fit.RED:
        return Verdict.NOT_POSSIBLE
    bar = BARS[candidate.task]
    if candidate.seconds is not None:
        return pace(candidate.task, bar.amount / max(candidate.seconds, 1e-6))
    quick = candidate.accelerated or candidate.bytes <= bar.small
    return Verdict.COMFORTABLE if quick else Verdict.SLOW


def pace(task: str, per_second: float) -> Verdict:
    """For what is made at so many pictures, tokens or seconds of sound a second."""
    return Verdict.COMFORTABLE if per_second >= BARS[task].least else Verdict.SLOW


def _rank(verdict: Verdict, candidate: Candidate) -> tuple[int, bool, bool, float]:
    """Of what cannot be done the smallest comes first: it is the nearest to being possible."""
    place = list(Verdict).index(verdict)
    if verdict is Verdict.NOT_POSSIBLE and candidate.memory is not None:
        return place, False, False, candidate.memory.mid
    if candidate.counted:
        return place, False, False, -candidate.bytes
    return place, True, not candidate.installed, candidate.model.order


def candidates(
    entries: Sequence[Entry], planner: Planner, estimator: Estimator, device: str
) -> list[Candidate]:
    """Every usable one of *entries* for each of its tasks, on *device*. Some milliseconds in all."""
    found: list[Candidate] = []
    for entry in entries:
        spec = families().get(entry.model.family)
        if spec is None or entry.model.status != "ready":
            continue
        found += [
            candidate(entry, spec, task, planner, estimator, device)
            for task in entry.model.tasks
            if task in BARS
        ]
    return found


def candidate(
    entry: Entry, spec: FamilySpec, task: str, planner: Planner, estimator: Estimator, device: str
) -> Candidate:
    """*entry* with what the usual result of *task* would take."""
    model = entry.model
    request = usual_request(model, spec, task, device)
    weights = entry.installed.bytes if entry.installed else model.bytes
    estimate = estimator.estimate(request, spec, weights=weights, least=model.memory_bytes)
    plans = planner.plans(request, spec)
    best = plans.plans[0] if plans is not None and plans.plans else None
    seconds: float | None = None
    if best is not None and best.prediction.seconds is not None:
        seconds = best.prediction.seconds.mid - best.prediction.phases.get(LOAD, 0.0)
    elif (learnt := estimator.learnt(request, spec, cold=False)) is not None:
        seconds = learnt.seconds.mid - learnt.phases.get(LOAD, 0.0)
        seconds = BARS[task].amount / learnt.rate if learnt.rate else seconds
    return Candidate(
        task=task,
        model=model,
        installed=entry.installed is not None,
        bytes=weights or 0,
        fit=estimate.fit,
        memory=estimate.memory,
        available_bytes=estimate.available_bytes,
        seconds=seconds,
        counted=best is not None or seconds is not None,
        accelerated=estimator.device(request, spec) != "cpu",
    )


def usual_request(model: Model, spec: FamilySpec, task: str, device: str = "auto") -> Request:
    """What `BARS` calls usual, with the model's own defaults for the rest."""
    parameters = spec.parameters_for(model)
    values = {p.name: p.default for p in parameters}
    values |= {name: value for name, value in BARS[task].values.items() if name in values}
    if any(p.name == "prompt" and isinstance(p, Text) for p in parameters):
        spoken = next((name for name in model.languages if name in SENTENCES), "en")
        values["prompt"] = PROMPTS.get(task, SENTENCES[spoken])
    return Request(task=task, family=spec.name, model=model.id, values=values, device=device)


def figure(each: Candidate) -> str:
    """ "27 tokens a second", "about 4 s", "needs 7.5 GB, 3.2 GB are free"."""
    if each.fit is Fit.RED and each.memory is not None:
        need, free = gigabytes(each.memory.mid), gigabytes(each.available_bytes)
        return t("ability.needs", need=need, free=free)
    if each.seconds is None:
        return t("ability.unmeasured")
    return pace_words(each.task, BARS[each.task].amount / max(each.seconds, 1e-6))


def pace_words(task: str, per_second: float) -> str:
    """Of so many pictures, tokens or seconds of sound a second: "27 tokens a second", "about 4 s"."""
    number = f"{per_second:.0f}" if per_second >= 10 else f"{per_second:.1f}"
    return t(FIGURES[task], n=number, time=duration(BARS[task].amount / per_second))
