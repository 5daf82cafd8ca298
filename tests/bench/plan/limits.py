"""Is a verdict right where memory is short? Each job again, with a part of what it took, or more.

The engine's data is limited (RLIMIT_DATA), so that what does not fit fails in it.
"""

from __future__ import annotations

import statistics

from studio.domain.failure import Failure
from tests.bench.plan import truth
from tests.bench.plan.compare import Compared
from tests.bench.plan.points import Point
from tests.bench.plan.predict import Predictor, source
from tests.bench.table import Row, holds

SHARES = (0.6, 0.8, 0.95, 1.05, 1.25, 1.5)  # of the measured peak
CASES = 42
TO_SPARE = 1.25
MISTAKEN = 2  # of the cases that may be refused though there was so much to spare


def rows(compared: list[Compared], drawn: list[Point], predictor: Predictor) -> list[Row]:
    """Both bars, over as many points as make `CASES` cases."""
    ran_out = refused = cases = fitting = 0
    for point, one in list(zip(drawn, compared, strict=True))[: CASES // len(SHARES)]:
        peak = statistics.median(each.peak for each in one.truths)
        for share in SHARES:
            available = round(share * peak)
            fits = predictor.predict(point, ram=available).safe
            well = _runs(predictor, point, available)
            cases += 1
            fitting += fits
            ran_out += fits and not well
            refused += not fits and well and share > TO_SPARE
    return [
        Row(
            "verdict “fits” that ran out of memory",
            "0",
            f"{ran_out} of {cases}",
            f"{fitting} said to fit",
            holds(ran_out == 0),
        ),
        Row(
            "verdict “does not fit” with over 25 % to spare",
            f"≤ {MISTAKEN}",
            f"{refused} of {cases}",
            "",
            holds(refused <= MISTAKEN),
        ),
    ]


def _runs(predictor: Predictor, point: Point, available: int) -> bool:
    """Whether the job ends well with *available* bytes. RuntimeError for another reason than memory."""
    plan = predictor.predict(point).plan
    outcome = truth.attempt(
        predictor.request(point), source(point.model), plan, wrap=("prlimit", f"--data={available}")
    )
    if isinstance(outcome, Failure) and not outcome.code.startswith(("oom.", "engine.")):
        raise RuntimeError(str(outcome))
    return not isinstance(outcome, Failure)
