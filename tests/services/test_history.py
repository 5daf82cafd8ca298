from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from studio.domain.family import FamilySpec, Memory
from studio.domain.job import Peak
from studio.domain.machine import Accelerator
from studio.domain.parameter import Integer, Size, Text
from studio.domain.plan import Fit
from studio.domain.request import Request
from studio.services.database import Database
from studio.services.estimate import Estimator
from studio.services.history import KEPT, History, PastRun, Work, work_of
from tests.services.engines import planner

GB = 10**9
DRAWING = FamilySpec(
    name="drawing",
    tasks=("image",),
    parameters=(
        Text(name="prompt"),
        Size(),
        Integer(name="steps", default=20, minimum=1, maximum=100),
        Integer(name="count", default=1, minimum=1, maximum=9),
        Integer(name="clip_skip", default=1, minimum=1, maximum=9),
    ),
    memory=Memory(base=GB, per_weight_byte=1.5),
    phases={"load": 0.2, "draw": 0.8},
)
READING = FamilySpec(
    name="reading", tasks=("speech",), parameters=(Text(name="prompt"),), memory=Memory(base=0), phases={}
)
WRITING = msgspec.structs.replace(
    READING,
    parameters=(Integer(name="max_tokens", default=512, minimum=1, maximum=9999),),
    capabilities=frozenset({"stream"}),
)
WORK = Work("256x256 steps20 count1", 20.0 * 256 * 256)


def past(
    draw: float = 10, load: float = 4, *, cold: bool = True, work: Work = WORK, n: int = 0, **changes: object
) -> PastRun:
    run = PastRun(
        model="m",
        family="drawing",
        asked="auto",
        device="cpu",
        work=work,
        cold=cold,
        ended=1000.0 + n,
        timings={"load": load, "draw": draw, "total": load + draw + 1},
        peak=Peak(ram_bytes=2 * GB),
        step_seconds=draw / 20,
    )
    return msgspec.structs.replace(run, **changes)


def request(device: str = "auto", **values: object) -> Request:
    values = {"size": (256, 256), "steps": 20, **values}
    return Request(task="image", family="drawing", model="m", values=values, device=device)


# --- work ---------------------------------------------------------------------------------------


def test_work_grows_with_what_the_time_grows_with_and_with_nothing_else() -> None:
    one = work_of(DRAWING, {"size": (256, 256), "steps": 20, "prompt": "a"})
    assert one == work_of(DRAWING, {"size": (256, 256), "steps": 20, "prompt": "another", "clip_skip": 2})
    two = work_of(DRAWING, {"size": (512, 256), "steps": 40, "count": 2})
    assert two.amount == 8 * one.amount
    assert two.key != one.key


def test_work_without_such_parameters_is_the_length_of_the_prompt() -> None:
    short, long = (work_of(READING, {"prompt": "字" * n}) for n in (100, 1000))
    assert long.amount == 10 * short.amount
    assert work_of(READING, {"prompt": "x" * 101}).key == short.key != long.key
    assert work_of(READING, {}).amount == 1


def test_the_limit_of_a_text_is_not_its_length() -> None:
    assert work_of(WRITING, {"max_tokens": 100}).amount == work_of(WRITING, {"max_tokens": 2000}).amount


def test_a_value_that_is_illegal_counts_as_the_usual_one() -> None:
    assert work_of(DRAWING, {"size": "large"}) == work_of(DRAWING, {})


# --- what is learnt -----------------------------------------------------------------------------


def test_nothing_is_known_of_what_never_ran() -> None:
    history = History()
    history.record(past())
    assert history.learnt("other", "drawing", "cpu", WORK, cold=True) is None
    assert history.learnt("m", "drawing", "cuda:0", WORK, cold=True) is None


def test_the_middle_of_the_last_runs_counts() -> None:
    history = History()
    for n, seconds in enumerate([500, 10, 11, 10, 12, 90, 10, 11, 10]):  # the first has left the last eight
        history.record(past(seconds, n=n))
    learnt = history.learnt("m", "drawing", "cpu", WORK, cold=True)
    assert learnt is not None
    assert learnt.exact
    assert learnt.phases == {"load": 4, "draw": 10.5}
    assert (learnt.seconds.low, learnt.seconds.mid, learnt.seconds.high) == (15, 15.5, 95)
    assert learnt.step_seconds == pytest.approx(10.5 / 20)


def test_a_loaded_model_is_not_loaded_again() -> None:
    history = History()
    history.record(past(load=40))
    warm = history.learnt("m", "drawing", "cpu", WORK, cold=False)
    assert warm is not None
    assert warm.phases["load"] == 0
    history.record(past(load=0.5, cold=False))
    warm = history.learnt("m", "drawing", "cpu", WORK, cold=False)
    cold = history.learnt("m", "drawing", "cpu", WORK, cold=True)
    assert warm is not None
    assert cold is not None
    assert (warm.phases["load"], cold.phases["load"]) == (0.5, 40)
    assert warm.seconds.mid == pytest.approx(11.5)
    assert cold.seconds.mid == pytest.approx(51)


def test_another_size_is_scaled_from_the_nearest_and_less_sure() -> None:
    history = History()
    history.record(past(10))
    history.record(past(100, work=Work("big", 16 * WORK.amount)))
    learnt = history.learnt("m", "drawing", "cpu", Work("twice", 2 * WORK.amount), cold=True)
    assert learnt is not None
    assert not learnt.exact
    assert learnt.phases == {"draw": 20, "load": 4}
    assert learnt.seconds.mid == pytest.approx(11 * 2 + 4)
    assert learnt.seconds.low < learnt.seconds.mid < learnt.seconds.high


def test_where_auto_led_last() -> None:
    history = History()
    assert history.device_of("m", "drawing", "auto") is None
    history.record(past(n=1))
    history.record(past(n=2, device="cuda:0"))
    history.record(past(n=3, asked="cpu"))
    assert history.device_of("m", "drawing", "auto") == "cuda:0"


async def test_it_is_kept_and_bounded(tmp_path: Path) -> None:
    base = Database(tmp_path / "studio.db")
    await base.open()
    history = History(base)
    for n in range(KEPT + 10):
        history.record(past(n, n=n))
    history.record(past(model="other"))
    await base.run(lambda c: c.execute("INSERT INTO runs VALUES (999, 'x', 'x', 'x', 0, x'7b7d')"))
    again = History(base)
    await again.load()
    for of in ("m", "other"):
        known = again.learnt(of, "drawing", "cpu", WORK, cold=True)
        assert known == history.learnt(of, "drawing", "cpu", WORK, cold=True) is not None
    assert await base.run(lambda c: c.execute("SELECT count(*) FROM runs").fetchone()) == (KEPT + 2,)
    await base.close()


# --- the estimate -------------------------------------------------------------------------------


def estimator(
    history: History | None = None,
    ram: int = 16 * GB,
    cards: tuple[Accelerator, ...] = (),
    resident: bool = False,
) -> Estimator:
    history = history or History()
    return Estimator(
        history,
        planner(history),
        ram=lambda: ram,
        accelerators=lambda: cards,
        resident=lambda model: resident,
    )


def test_before_the_first_run_the_weights_say_it() -> None:
    estimate = estimator().estimate(request(), DRAWING, weights=4 * GB)
    assert estimate.memory is not None
    assert estimate.memory.mid == 7 * GB
    assert estimate.memory.low < estimate.memory.mid < estimate.memory.high
    assert estimate.fit is Fit.GREEN
    assert estimate.seconds is None
    assert not estimate.measured
    assert estimate.parts == {"weights": 4 * GB, "base": GB, "work": 2 * GB}
    assert sum(estimate.parts.values()) == estimate.memory.mid


def test_the_makers_figure_counts_when_it_is_higher() -> None:
    estimate = estimator().estimate(request(), DRAWING, weights=GB, least=9 * GB)
    assert estimate.memory is not None
    assert estimate.memory.mid == 9 * GB


def test_without_weights_nothing_is_claimed() -> None:
    estimate = estimator().estimate(request(), DRAWING, weights=None)
    assert (estimate.fit, estimate.memory) == (Fit.UNKNOWN, None)


@pytest.mark.parametrize(("ram", "fit"), [(16, Fit.GREEN), (8, Fit.AMBER), (5, Fit.RED)])
def test_the_colour_follows_the_rule(ram: int, fit: Fit) -> None:
    assert estimator(ram=ram * GB).estimate(request(), DRAWING, weights=4 * GB).fit is fit


def test_what_was_measured_wins() -> None:
    history = History()
    history.record(past(peak=Peak(ram_bytes=3 * GB)))
    estimate = estimator(history).estimate(request(count=1), DRAWING, weights=4 * GB)
    assert estimate.measured
    assert estimate.memory is not None
    assert estimate.memory.mid == 3 * GB
    assert estimate.seconds is not None
    assert estimate.seconds.mid == 15
    other = estimator(history).estimate(request(size=(512, 512)), DRAWING, weights=4 * GB)
    assert not other.measured
    assert other.memory is not None
    assert other.memory.high > estimate.memory.high
    loaded = estimator(history, resident=True).estimate(request(), DRAWING, weights=4 * GB)
    assert loaded.seconds is not None
    assert loaded.seconds.mid == 11


def test_a_card_is_measured_by_its_own_memory() -> None:
    card = Accelerator(
        kind="cuda", vendor="v", name="n", device="cuda:0", usable=True, memory_free_bytes=6 * GB
    )
    estimate = estimator(cards=(card,)).estimate(request(), DRAWING, weights=4 * GB)
    assert estimate.available_bytes == 6 * GB
    assert estimate.memory is not None
    assert estimate.memory.mid == 6 * GB  # the libraries lie in the computer's memory
    assert estimate.fit is Fit.AMBER
    elsewhere = estimator(cards=(card,)).estimate(request(device="cpu"), DRAWING, weights=4 * GB)
    assert elsewhere.available_bytes == 16 * GB
    shared = msgspec.structs.replace(card, device="mps", memory_free_bytes=None)
    assert estimator(cards=(shared,)).estimate(request(), DRAWING, weights=GB).available_bytes == 16 * GB


def test_without_facts_the_plan_is_what_was_asked_for() -> None:
    asked = msgspec.structs.replace(request(device="cuda:1"), threads=3)
    plan, planned = planner(History()).best(asked, DRAWING)
    assert (plan.device, plan.threads, plan.precision) == ("cuda:1", 3, {})
    assert planned is None


def test_a_rate_is_the_median_of_all_runs_of_the_model_whatever_their_size() -> None:
    history = History()
    history.record(past(rate=20.0))
    history.record(past(rate=30.0, n=1))
    history.record(past(rate=25.0, work=Work("512x512 steps20 count1", 20.0 * 512 * 512), n=2))
    learnt = history.learnt("m", "drawing", "cpu", WORK, cold=True)
    assert learnt is not None
    assert learnt.rate == 25.0


def test_without_a_stream_there_is_no_rate() -> None:
    history = History()
    history.record(past())
    learnt = history.learnt("m", "drawing", "cpu", WORK, cold=True)
    assert learnt is not None
    assert learnt.rate is None
