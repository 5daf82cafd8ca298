"""Predictions for the grid's points, from nothing but headers, configurations and the micro-benchmark."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path

from studio.domain.cost.cost import ModelFacts
from studio.domain.job import Peak
from studio.domain.measurement import Measurements
from studio.domain.model import ModelSource
from studio.domain.plan import Plan, Planned, Plans
from studio.domain.planning import Correction, Place, Question, plans
from studio.domain.planning.clock import Clock
from studio.domain.planning.rank import planned, ways
from studio.domain.request import Request
from studio.families import registry
from studio.services.history import History, PastRun, work_of
from studio.services.library.facts import read_facts
from studio.services.library.recognize import Found, recognize
from tests.bench.plan import shapes
from tests.bench.plan.points import Point
from tests.bench.plan.truth import Truth

RAM = 1 << 50  # what is available does not matter to what is needed


class Predictor:
    """Asks the planner as the studio does, with an empty history."""

    def __init__(self, measured: Measurements) -> None:
        self._place = Place(device="cpu", measured=measured)
        self._clock = Clock(measured)

    def request(self, point: Point) -> Request:
        spec = found(point.model).spec
        values = spec.complete({"seed": 1, **point.values})
        return Request(task=spec.tasks[0], family=spec.name, model=point.model, values=values)

    def predict(self, point: Point, correction: Correction | None = None, *, ram: int = RAM) -> Planned:
        """The plan that the point asks for, and what it takes where *ram* bytes are available."""
        question = self._question(point, correction, ram)
        plan = self._way(question, point.way)
        return planned(question, self._place, plan, self._clock)

    def plans(self, point: Point) -> Plans:
        """Every way, ranked, as the fit line asks for it."""
        return plans(self._question(point), {"cpu": self._clock})

    def _question(self, point: Point, correction: Correction | None = None, ram: int = RAM) -> Question:
        spec = found(point.model).spec
        cost = registry.cost(spec.name)
        assert cost is not None
        return Question(
            spec=spec,
            cost=cost.cost(facts(point.model), self.request(point).values),
            places=(self._place,),
            ram_bytes=ram,
            corrections={"cpu": {"": correction}} if correction else {},
        )

    def _way(self, question: Question, number: int) -> Plan:
        """The quickest of those in the family's precision *number*."""
        wanted = question.spec.precisions.get("cpu", ({},))[number]
        alike = [
            plan
            for plan in ways(question, self._place)
            if plan.precision == wanted and not (plan.tiling or plan.slicing or plan.compile)
        ]
        return min(alike, key=lambda plan: sum(self._seconds(question, plan).values()))

    def _seconds(self, question: Question, plan: Plan) -> dict[str, float]:
        return planned(question, self._place, plan, self._clock).counted.phases

    def learnt(self, point: Point, truth: Truth, other: Point) -> Correction:
        """What one run of *point* teaches for *other*, a request to the same model."""
        spec, history = found(point.model).spec, History()
        before = self.predict(point)
        history.record(
            PastRun(
                model=point.model,
                family=spec.name,
                asked="cpu",
                device="cpu",
                work=work_of(spec, self.request(point).values),
                cold=True,
                ended=time.time(),
                timings=truth.timings,
                peak=Peak(ram_bytes=truth.peak),
                built=before.plan.built,
                counted=before.counted,
            )
        )
        work = work_of(spec, self.request(other).values)
        told = history.corrections(point.model, spec.name, "cpu", work, lambda run: run.counted)
        return told[before.plan.built]


@cache
def found(model: str) -> Found:
    return recognize(shapes.place(model))


@cache
def facts(model: str) -> ModelFacts:
    return read_facts(found(model).path)


def source(model: str) -> ModelSource:
    """As the library would give it to the engine."""
    path = found(model).path
    files = [path] if path.is_file() else [file for file in Path(path).rglob("*") if file.is_file()]
    size = sum(file.stat().st_size for file in files)
    return ModelSource(id=model, family=found(model).spec.name, path=str(path), bytes=size, title=model)
