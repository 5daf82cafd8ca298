"""How right the planner is, and how quick: points of the grid, predicted and then measured.

A short run takes a few points once each; `python -m tests.bench.plan` all of them, as often as needed.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from tests.bench.plan import points, report
from tests.bench.plan.benchmark import benchmark
from tests.bench.plan.measure import Kept, compare
from tests.bench.plan.points import Point
from tests.bench.plan.predict import Predictor
from tests.bench.table import Row, judge

POINTS, SHORT_POINTS = 80, 12
REPEATS = 3
PLAN = 0.005  # seconds


def measure(short: bool) -> list[Row]:
    drawn = points.draw(SHORT_POINTS if short else POINTS)
    measured = benchmark()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        kept = Kept(Path(folder) / "truths.json")
        compared = [compare(point, measured, kept, 1 if short else REPEATS) for point in drawn]
    predictor = Predictor(measured)
    return [*report.rows(compared, drawn, predictor, short=short), _plan(drawn, predictor, short=short)]


def _plan(drawn: list[Point], predictor: Predictor, *, short: bool) -> Row:
    """The slowest kind of request; its facts are read already."""
    worst = 0.0
    for point in drawn:
        took = []
        for _ in range(5):
            began = time.perf_counter()
            predictor.plans(point)
            took.append(time.perf_counter() - began)
        worst = max(worst, statistics.median(took))
    return Row(
        "one plan, all ways ranked",
        f"≤ {PLAN * 1000:.0f} ms",
        f"{worst * 1000:.1f} ms",
        "the slowest request",
        judge(worst, PLAN, short=short),
    )
