"""Progress with a clock that the test turns: fractions never fall, the remaining time is true or absent."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.domain.job import Progress
from studio.services.progress import CLIMB, CLIMB_SECONDS, Tracker
from studio.wire.messages import PhaseProgress

WEIGHTS = {"load": 0.2, "encode": 0.05, "draw": 0.65, "decode": 0.07, "save": 0.03}
LEARNT = {"load": 4.0, "encode": 1.0, "draw": 20.0, "decode": 2.0, "save": 1.0}


class Bench:
    """A job played by hand: say what the engine says, let time pass, look."""

    def __init__(self, learnt: dict[str, float] | None = None, *, open_ended: bool = False) -> None:
        self.now = 100.0
        self.tracker = Tracker(WEIGHTS, learnt, open_ended=open_ended, clock=lambda: self.now)
        self.seen: list[Progress] = []

    def say(self, phase: str, fraction: float | None = None, step: int = 0, steps: int = 0) -> Progress:
        self.tracker.hear(PhaseProgress(job="j", phase=phase, fraction=fraction, step=step, steps=steps))
        return self.look()

    def steps(self, phase: str, done: int, seconds: float, *, of: int) -> None:
        for step in range(1, done + 1):
            self.now += seconds
            self.say(phase, step / of, step, of)

    def wait(self, seconds: float) -> Progress:
        self.now += seconds
        return self.look()

    def look(self) -> Progress:
        progress = self.tracker.progress()
        assert progress is not None
        self.seen.append(progress)
        return progress


def test_nothing_is_said_before_anything_is_heard() -> None:
    assert Tracker(WEIGHTS).progress() is None


def test_a_first_run_says_nothing_of_the_time_before_two_steps_of_the_main_phase() -> None:
    bench = Bench()
    bench.say("load")
    assert bench.wait(4).remaining is None
    assert bench.look().fraction is None
    bench.say("encode")
    bench.now += 1
    bench.say("draw", 0.0, 0, 20)
    bench.now += 3  # a slow first step
    assert bench.say("draw", 1 / 20, 1, 20).remaining is None
    bench.now += 1
    progress = bench.say("draw", 2 / 20, 2, 20)
    assert progress.remaining == pytest.approx(18 + 23 * 0.1 / 0.65, abs=1)
    assert progress.fraction is not None
    assert 0.25 < progress.fraction < 0.4


def test_a_learnt_run_says_from_the_first_moment_how_long_and_counts_down() -> None:
    bench = Bench(LEARNT)
    assert bench.say("load").remaining == pytest.approx(28)
    assert bench.wait(3).remaining == pytest.approx(25)
    assert bench.wait(1).remaining == pytest.approx(24)
    assert bench.say("encode").remaining == pytest.approx(24)
    assert bench.wait(1).fraction == pytest.approx(5 / 28, abs=0.02)
    bench.say("draw", 0.0, 0, 20)
    bench.steps("draw", 20, 1.0, of=20)
    assert bench.look().remaining == pytest.approx(3)
    bench.say("decode")
    assert bench.wait(2).remaining == pytest.approx(1)
    bench.say("save")
    assert bench.wait(1).remaining == pytest.approx(0)


def test_a_load_that_takes_longer_than_usual_does_not_make_the_time_climb() -> None:
    bench = Bench(LEARNT)
    bench.say("load")
    remaining = [bench.wait(0.5).remaining for _ in range(40)]
    assert all(b <= a for a, b in pairwise(remaining) if a is not None and b is not None)
    assert remaining[-1] == pytest.approx(24)


def test_slower_than_learnt_is_said() -> None:
    """Four times as slow as ever: to hold on to the old figure would be a lie."""
    bench = Bench(LEARNT)
    assert bench.say("draw", 0.0, 0, 20).remaining == pytest.approx(23)
    bench.steps("draw", 4, 4.0, of=20)
    assert bench.look().remaining == pytest.approx(16 * 4 + 3, rel=0.1)


def test_it_counts_down_between_steps_and_waits_at_a_late_one() -> None:
    bench = Bench(LEARNT)
    bench.say("draw", 0.0, 0, 10)
    bench.steps("draw", 3, 2.0, of=10)
    start = bench.look().remaining
    assert start == pytest.approx(14 + 3)
    assert bench.wait(1).remaining == pytest.approx(13 + 3)
    assert bench.wait(1).remaining == pytest.approx(12 + 3)
    assert bench.wait(30).remaining == pytest.approx(12 + 3)


def test_it_moves_evenly_inside_a_long_step_but_not_into_the_next() -> None:
    bench = Bench({"draw": 100.0})
    bench.say("draw", 0.0, 0, 10)
    bench.steps("draw", 2, 10.0, of=10)
    assert bench.wait(5).fraction == pytest.approx(0.25)
    assert bench.wait(100).fraction == pytest.approx(0.295)
    assert bench.say("draw", 0.3, 3, 10).fraction == pytest.approx(0.3)


def test_phases_that_come_back_for_every_picture_count_once() -> None:
    bench = Bench(LEARNT)
    bench.say("load")
    bench.now += 4
    bench.say("encode")
    bench.now += 1
    for picture in range(2):
        for step in range(1, 11):
            bench.now += 1
            done = picture * 10 + step
            bench.say("draw", done / 20, done, 20)
        if picture == 0:
            fraction = bench.look().fraction
            assert fraction is not None
            assert fraction < 0.65
        bench.say("decode", picture / 2)
        bench.now += 1
        bench.say("decode", (picture + 1) / 2)
        if picture == 0:
            assert bench.look().remaining == pytest.approx(10 + 1 + 1, abs=1.5)
    assert bench.look().remaining == pytest.approx(1, abs=0.2)


def test_the_last_report_of_a_phase_may_be_lost() -> None:
    bench = Bench(LEARNT)
    bench.say("draw", 0.0, 0, 200)
    bench.steps("draw", 198, 0.1, of=200)  # of 200; the rest went unreported
    bench.say("decode")
    assert bench.wait(2).remaining == pytest.approx(1)


def test_a_text_ends_when_it_ends() -> None:
    first = Bench(open_ended=True)
    first.say("draw", 0.0, 0, 500)
    first.steps("draw", 100, 0.02, of=500)
    assert first.look().remaining is None
    known = Bench({"load": 0.0, "draw": 5.0}, open_ended=True)
    known.say("draw", 0.0, 0, 500)
    known.steps("draw", 100, 0.02, of=500)
    assert known.look().remaining == pytest.approx(3, abs=0.1)  # not the 8 s that 500 tokens would take
    assert known.wait(4).remaining is None  # longer than usual: nobody knows


def test_a_phase_that_the_family_does_not_name_disturbs_nothing() -> None:
    bench = Bench(LEARNT)
    bench.say("load")
    bench.now += 4
    assert bench.say("polish", 0.5).remaining is not None
    assert bench.say("draw", 0.1, 1, 10).fraction is not None


def test_a_family_without_weights() -> None:
    tracker = Tracker({}, clock=lambda: 0.0)
    tracker.hear(PhaseProgress(job="j", phase="work", fraction=0.5))
    progress = tracker.progress()
    assert progress is not None
    assert progress.fraction == 0.0


phases = st.sampled_from([*WEIGHTS, "other"])
fractions = st.none() | st.floats(0, 1)
moves = st.lists(
    st.tuples(phases, fractions, st.integers(0, 30), st.sampled_from([0, 1, 30]), st.floats(0, 50)),
    max_size=60,
)
learnt = st.none() | st.dictionaries(st.sampled_from(list(WEIGHTS)), st.floats(0, 100))


@given(moves=moves, learnt=learnt, open_ended=st.booleans())
def test_whatever_is_said_fractions_never_fall_and_times_are_never_negative(
    moves: list[tuple[str, float | None, int, int, float]], learnt: dict[str, float] | None, open_ended: bool
) -> None:
    bench = Bench(learnt, open_ended=open_ended)
    for phase, fraction, step, steps, seconds in moves:
        bench.say(phase, fraction, step, steps)
        bench.wait(seconds)
    known = [p.fraction for p in bench.seen if p.fraction is not None]
    assert all(0 <= a <= b <= 1 for a, b in pairwise(known))
    assert all(p.remaining is None or p.remaining >= 0 for p in bench.seen)
    for before, after in pairwise(bench.seen):
        if (
            before.remaining is not None
            and after.remaining is not None
            and after.remaining > before.remaining
        ):
            assert after.remaining > CLIMB * before.remaining + CLIMB_SECONDS
