"""Is the planner right? `python -m tests.bench.plan` predicts points of a grid and measures them.

    --points N      how many, 80 unless told; drawn by --seed
    --repeats N     measurements of each, 3 unless told; the median is the truth
    --only MODEL    points of this model alone
    --file FILE     keeps what was measured: a run that was broken off goes on there
    --limits        also run 42 of them with less or more memory than they take
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
from tests.bench.plan import limits, points, report
from tests.bench.plan.measure import Kept, compare
from tests.bench.plan.predict import Predictor


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
    parser.add_argument("--limits", action="store_true")
    parser.add_argument("--measured", type=Path)
    arguments = parser.parse_args()
    drawn = points.draw(arguments.points, seed=arguments.seed, only=arguments.only)
    measured = _measured(arguments.measured)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        kept = Kept(arguments.file or Path(folder) / "truths.json")
        compared = [compare(point, measured, kept, arguments.repeats) for point in drawn]
    rows = report.rows(compared, drawn, Predictor(measured))
    if arguments.limits:
        rows += limits.rows(compared, drawn, Predictor(measured))
    print(report.text(compared, rows))
    return int(any(row.failed for row in rows))


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
