"""What a finished job teaches: the record of its run, set beside what had been predicted of it."""

from __future__ import annotations

import statistics
import time

import msgspec

from studio.domain.artifact import Artifact
from studio.domain.cost.cost import Cost
from studio.domain.cost.kept import keep
from studio.domain.family import FamilySpec
from studio.domain.job import Outcome, Tokens
from studio.domain.plan import Counted, Planned
from studio.domain.request import Request
from studio.services.history import LOAD, PastRun, work_of


def past_run(
    request: Request,
    spec: FamilySpec,
    outcome: Outcome,
    planned: Planned | None,
    *,
    artifacts: tuple[Artifact, ...],
    steps: list[float],
    cold: bool,
) -> PastRun:
    """*planned*: before it ran. *steps*: seconds of each. *cold*: the model was not in memory before."""
    run = PastRun(
        model=request.model,
        family=spec.name,
        asked=request.device,
        device=outcome.device,
        work=work_of(spec, request.values),
        cold=cold,
        ended=time.time(),
        timings=outcome.timings,
        peak=outcome.peak,
        step_seconds=statistics.median(steps) if steps else None,
        rate=_rate(artifacts, outcome),
        built=planned.plan.built if planned is not None else "",
    )
    if planned is None or planned.plan.device != outcome.device:
        return run
    counted, cost = planned.counted, planned.cost
    if planned.most and outcome.tokens is not None:
        counted, cost = _as_far_as_it_went(counted, cost, _main(spec), outcome.tokens)
    return msgspec.structs.replace(run, counted=counted, plan=planned.plan, cost=keep(cost))


def _as_far_as_it_went(counted: Counted, cost: Cost, phase: str, tokens: Tokens) -> tuple[Counted, Cost]:
    """What was counted for the longest that could come, for what came: else every short answer would teach
    that the model is quick.
    """
    planned = sum(stage.repeats for stage in cost.stages if stage.phase == phase)
    part = min(max(tokens.generated - 1, 1) / planned, 1.0) if planned > 0 else 1.0
    stages = tuple(
        msgspec.structs.replace(stage, repeats=stage.repeats * part) if stage.phase == phase else stage
        for stage in cost.stages
    )
    phases = {name: took * (part if name == phase else 1.0) for name, took in counted.phases.items()}
    return (
        msgspec.structs.replace(counted, phases=phases),
        msgspec.structs.replace(cost, stages=stages),
    )


def _main(spec: FamilySpec) -> str:
    """The phase that takes the longest: of a text, the one in which it is written."""
    return max(spec.phases, key=lambda name: spec.phases[name])


def _rate(artifacts: tuple[Artifact, ...], outcome: Outcome) -> float | None:
    """Tokens a second, or seconds of sound made in a second of work, loading not counted."""
    if outcome.tokens is not None:
        return outcome.tokens.per_second
    sound = sum(artifact.seconds or 0.0 for artifact in artifacts)
    work = outcome.timings.get("total", 0.0) - outcome.timings.get(LOAD, 0.0)
    return sound / work if sound and work > 0 else None
