"""The bench's judgement: what must fail fails, and what merely varies does not."""

from __future__ import annotations

from itertools import accumulate

import pytest

from tests.bench.rows.memory import FEWER, ROUNDS, growing

MB = 1e6


@pytest.mark.parametrize("rounds", [FEWER, ROUNDS])
@pytest.mark.parametrize(
    ("added", "verdict"),
    [
        ([20], "missed"),  # the same leak in every round
        ([66, 0, 0, 0], "met"),  # a step, early or late
        ([0, 0, 66, 0], "met"),
        ([0.4, -0.3, 0.2, -0.1], "met"),
        ([66, 12, 12, 12], "missed"),  # a step and then a leak
        ([-40, 9, 9, 9], "missed"),
    ],
)
def test_a_leak_is_growth_and_a_step_is_not(rounds: int, added: list[float], verdict: str) -> None:
    steps = (added * rounds)[: rounds - 1]
    left = [500 * MB + more * MB for more in accumulate(steps, initial=0.0)]
    assert len(left) == rounds
    assert growing(left).verdict == verdict
