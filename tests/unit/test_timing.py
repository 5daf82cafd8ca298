"""Rates are read off between measured points."""

from __future__ import annotations

import math

import pytest

from studio.domain.cost.cost import Stage
from studio.domain.cost.ops import Attention, Convolution, Linear, Own, Pointwise
from studio.domain.cost.timing import Timing, between, linear_rate
from tests.fakes.measured import RATES

LINEAR = ((1.0, 1e-10), (16.0, 4e-10), (256.0, 6.4e-9))


def test_a_measured_point_is_what_was_measured() -> None:
    assert [linear_rate(LINEAR, rows) for rows, _ in LINEAR] == pytest.approx([rate for _, rate in LINEAR])
    points = ((64.0, 1024.0, 1e-11), (320.0, 4096.0, 2e-11))
    assert between(points, (320.0, 4096.0)) == 2e-11


def test_between_two_points_it_changes_evenly_and_beyond_the_last_one_with_the_rows() -> None:
    assert linear_rate(LINEAR, 4) == pytest.approx(2e-10)
    assert linear_rate(LINEAR, 64) == pytest.approx(1.6e-9)
    assert linear_rate(LINEAR, 1024) == pytest.approx(4 * 6.4e-9)
    assert linear_rate(LINEAR, 0.5) == 1e-10


def test_the_nearest_point_counts_most() -> None:
    points = ((10.0, 1e-11), (1000.0, 4e-11))
    assert between(points, (11.0,)) == pytest.approx(1e-11, rel=0.05)
    assert between(points, (900.0,)) == pytest.approx(4e-11, rel=0.05)
    assert between(points, (100.0,)) == pytest.approx(2e-11)


def test_every_kind_of_operation_takes_its_time() -> None:
    timing = Timing(RATES, {"mine": 0.5})
    ops = (
        Linear(4, 8, 8),
        Convolution(64, 8, 8, 9),
        Attention(2, 16, 16, 8),
        Pointwise(100),
        Own("mine", 3.0),
    )
    each = [timing.seconds(((op, 1),)) for op in ops]
    assert all(seconds > 0 for seconds in each)
    assert timing.seconds(tuple((op, 2) for op in ops)) == pytest.approx(2 * sum(each))
    assert each[-1] == 1.5
    assert timing.seconds((), calls=10) == pytest.approx(10 * RATES.call)


def test_a_stage_names_what_its_family_must_have_measured() -> None:
    stage = Stage(phase="p", part="m", ops=((Own("theirs", 1.0), 1), (Linear(1, 2, 3), 1)))
    assert stage.own == {"theirs"}


def test_a_convolution_of_one_tap_is_a_product_of_matrices() -> None:
    timing = Timing(RATES, {})
    assert timing.seconds(((Convolution(256, 32, 64, 1), 1),)) == pytest.approx(
        timing.seconds(((Linear(256, 32, 64), 1),))
    )
    assert math.isfinite(timing.seconds(((Convolution(1, 1, 1, 9), 1),)))
