"""Predicts points and measures them, keeping what was measured."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from studio.domain.measurement import Measurements
from tests.bench.plan import report, truth
from tests.bench.plan.compare import Compared
from tests.bench.plan.points import Point
from tests.bench.plan.predict import Predictor, source
from tests.bench.plan.truth import Truth


class Kept:
    """Truths by point, in a file that is written after each measurement."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._truths = (
            msgspec.json.decode(file.read_bytes(), type=dict[str, list[Truth]]) if file.exists() else {}
        )

    def truths(self, key: str) -> list[Truth]:
        return self._truths.setdefault(key, [])

    def save(self) -> None:
        aside = self._file.with_suffix(".part")
        aside.write_bytes(msgspec.json.encode(self._truths))
        aside.replace(self._file)


def compare(point: Point, measured: Measurements, kept: Kept, repeats: int) -> Compared:
    predictor = Predictor(measured)
    before = predictor.predict(point)
    truths = kept.truths(point.key)
    while len(truths) < repeats:
        truths.append(truth.run(predictor.request(point), source(point.model), before.plan))
        kept.save()
    prediction = before.prediction
    found = Compared(
        key=point.key,
        ram=prediction.ram.mid,
        seconds=prediction.seconds.mid if prediction.seconds else 0.0,
        phases=prediction.phases,
        truths=tuple(truths[:repeats]),
    )
    print(report.line(found), file=sys.stderr, flush=True)
    return found
