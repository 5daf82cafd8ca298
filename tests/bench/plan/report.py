"""The validation as a table: each point, and the bars."""

from __future__ import annotations

import statistics

from tests.bench.plan.compare import Compared, summary
from tests.bench.plan.points import Point
from tests.bench.plan.predict import Predictor
from tests.bench.table import Row, judge, table

MEMORY = (0.08, 0.20)  # median absolute error, 95th percentile
TIME = (0.15, 0.40)
NEGLIGIBLE = 1e-6
LEARNT = 0.07  # median, after one run of the same model at another size


def line(one: Compared) -> str:
    """One point: predicted and measured, in GB and seconds."""
    peak = statistics.median(truth.peak for truth in one.truths)
    seconds = statistics.median(truth.seconds for truth in one.truths)
    phases = ", ".join(
        f"{name} {predicted:.2f}/{statistics.median(t.timings.get(name, 0.0) for t in one.truths):.2f}"
        for name, predicted in one.phases.items()
    )
    return (
        f"{one.key}: {one.ram / 1e9:.2f}/{peak / 1e9:.2f} GB ({one.ram / peak - 1:+.0%}), "
        f"{one.seconds:.1f}/{seconds:.1f} s ({one.seconds / seconds - 1:+.0%})  [{phases}]"
    )


def rows(
    compared: list[Compared], drawn: list[Point], predictor: Predictor, *, short: bool = False
) -> list[Row]:
    """The bars."""
    found = summary(compared)
    learnt = _learnt(compared, drawn, predictor)
    repeat = f"a repeat: {found['repeat_median']:.1%}, {found['repeat_p95']:.1%}"
    spread = f"{found['points']} points, {len(compared[0].truths)} runs each"
    return [
        Row(
            f"{name}, {what}",
            f"≤ {bar:.0%}",
            f"{value:.1%}",
            note,
            judge(max(value, NEGLIGIBLE), bar, short=short),
        )
        for name, what, bar, value, note in (
            ("peak memory, error", "median", MEMORY[0], found["ram_median"], spread),
            ("peak memory, error", "95th percentile", MEMORY[1], found["ram_p95"], spread),
            ("time, error", "median", TIME[0], found["time_median"], repeat),
            ("time, error", "95th percentile", TIME[1], found["time_p95"], repeat),
            ("time after one run at another size, error", "median", LEARNT, learnt, repeat),
        )
    ]


def _learnt(compared: list[Compared], drawn: list[Point], predictor: Predictor) -> float:
    """For each point, after one run of the point of the same model and way that was drawn before it."""
    errors: list[float] = []
    before: dict[tuple[str, int], tuple[Point, Compared]] = {}
    for point, one in zip(drawn, compared, strict=True):
        key = (point.model, point.way)
        if key in before:
            earlier, seen = before[key]
            correction = predictor.learnt(earlier, seen.truths[0], point)
            prediction = predictor.predict(point, correction).prediction
            assert prediction.seconds is not None
            again = Compared(point.key, prediction.ram.mid, prediction.seconds.mid, {}, one.truths)
            errors.append(again.time_error)
        before[key] = (point, one)
    return statistics.median(errors) if errors else 0.0


def text(compared: list[Compared], rows: list[Row]) -> str:
    worst = sorted(compared, key=lambda one: -max(one.ram_error, one.time_error))[:10]
    lines = [line(one) for one in worst]
    return "\n".join(["", "The worst ten:", *lines, "", table(rows)])
