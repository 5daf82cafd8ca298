"""Asks the planner and the history what every known model would take here for a usual result."""

from __future__ import annotations

from collections.abc import Sequence

from studio.domain.ability import BARS, Candidate
from studio.domain.family import FamilySpec
from studio.domain.model import Model
from studio.domain.parameter import Text
from studio.domain.request import Request
from studio.families.registry import families
from studio.services.estimate import Estimator
from studio.services.library.library import Entry
from studio.services.planning import Planner

LOAD = "load"
# Sentences that take about six seconds to say, by language; other prompts are short as people type them.
SENTENCES = {
    "en": "The ferry leaves at noon, and we shall be on the island well before the evening begins.",
    "zh": "渡船中午出发，傍晚之前我们就能到岛上，一起看海边的日落。",
}
PROMPTS = {
    "text": "Write two sentences about a teapot.",
    "image": "a red apple, flat style, on white",
    "music": "calm piano",
}


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
    measured = False
    if best is not None and best.prediction.seconds is not None:
        seconds = best.prediction.seconds.mid - best.prediction.phases.get(LOAD, 0.0)
        measured = best.learnt
    elif (learnt := estimator.learnt(request, spec, cold=False)) is not None:
        seconds = learnt.seconds.mid - learnt.phases.get(LOAD, 0.0)
        seconds = BARS[task].amount / learnt.rate if learnt.rate else seconds
        measured = True
    return Candidate(
        task=task,
        model=model,
        installed=entry.installed is not None,
        bytes=weights or 0,
        fit=estimate.fit,
        memory=estimate.memory,
        available_bytes=estimate.available_bytes,
        seconds=seconds,
        measured=measured,
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
