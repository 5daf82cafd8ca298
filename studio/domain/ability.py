"""What this computer can do, task by task: how well, with which model, and how long a usual result takes.

Pure: `abilities` chooses among what the planner and the history say of each model.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct

from studio.domain.model import Model
from studio.domain.plan import Fit, Span
from studio.domain.quantity import duration, gigabytes
from studio.domain.text import t


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
FIGURES = {
    "text": "speed.tokens",
    "image": "speed.seconds",
    "speech": "speed.real_time",
    "music": "ability.figure.music",
}


class Candidate(Struct, frozen=True, kw_only=True):
    """A model for a task. `seconds` for the usual result, loading not counted, None if unknown. `measured`:
    runs of it stand behind them.

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
    measured: bool = False
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
