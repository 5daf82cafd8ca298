"""Is the planner right? `python -m tests.bench.plan` predicts points of a grid and measures them.

    --points N      how many, 80 unless told; drawn by --seed
    --repeats N     measurements of each, 3 unless told; the median is the truth
    --only MODEL    points of this model alone
    --file FILE     keeps what was measured: a run that was broken off goes on there
    --measured FILE what the micro-benchmark found; measured now without it

Nothing that earlier runs taught is used. Exit status 1 when a bar is missed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from studio.domain.measurement import Measurements
from tests.bench.plan import points, report, truth
from tests.bench.plan.compare import Compared
from tests.bench.plan.points import Point
from tests.bench.plan.predict import Predictor, source
from tests.bench.plan.truth import Truth


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.plan",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--points", type=int, default=80)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=points.SEED)
    parser.add_argument("--only")
    parser.add_argument("--file", type=Path)
    parser.add_argument("--measured", type=Path)
    arguments = parser.parse_args()
    drawn = points.draw(arguments.points, seed=arguments.seed, only=arguments.only)
    measured = _measured(arguments.measured)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        kept = Kept(arguments.file or Path(folder) / "truths.json")
        compared = [_point(point, measured, kept, arguments.repeats) for point in drawn]
    rows = report.rows(compared, drawn, Predictor(measured))
    print(report.text(compared, rows))
    return int(any(row.failed for row in rows))


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


def _point(point: Point, measured: Measurements, kept: Kept, repeats: int) -> Compared:
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


def _measured(file: Path | None) -> Measurements:
    if file is not None:
        return msgspec.json.decode(file.read_bytes(), type=Measurements)
    from tests.bench.plan.benchmark import benchmark

    began = time.monotonic()
    found = benchmark()
    print(f"micro-benchmark: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return found


if __name__ == "__main__":
    sys.exit(main())
