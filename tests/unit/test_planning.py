"""Plans from facts: what fits, how long it takes, which way is the best."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from studio.domain.cost import references
from studio.domain.cost.cost import Cost, Part, Stage
from studio.domain.cost.ops import Convolution, Linear, Own
from studio.domain.cost.timing import Timing
from studio.domain.family import FamilySpec, Memory
from studio.domain.measurement import Library, Reference, Setting
from studio.domain.plan import Fit, Plan, Plans
from studio.domain.planning import Correction, Place, Question, plans
from studio.domain.planning.framework import Framework, framework
from studio.domain.planning.memory import CONTEXT, WITH_TORCH, peak
from tests.fakes.measured import measured

GB = 10**9
SPEC = FamilySpec(
    name="drawing",
    tasks=("image",),
    parameters=(),
    memory=Memory(base=GB),
    phases={"load": 0.1, "draw": 0.9},
    libraries=("torch",),
    precisions={
        "cpu": ({"*": "float32"}, {"net": "bfloat16", "*": "float32"}),
        "gpu": ({"*": "float32"}, {"*": "float16"}),
    },
)
NET = Part(name="net", elements=GB, stored_bytes=2 * GB, stored_type="BF16")
READER = Part(name="reader", elements=GB // 10, stored_bytes=GB // 5, stored_type="BF16")
DRAW = Stage(phase="draw", part="net", ops=((Linear(64, 1000, 1000), 10),), repeats=20, alive=1e6, calls=100)


def question(cost: Cost | None = None, place: Place | None = None, **changes: Any) -> Question:
    plain = Question(
        spec=SPEC,
        cost=cost or Cost(parts=(READER, NET), stages=(DRAW,)),
        places=(place or Place(device="cpu", measured=measured()),),
        ram_bytes=32 * GB,
    )
    return msgspec.structs.replace(plain, **changes)


def of(found: Plans, **wanted: Any) -> Any:
    return next(
        each
        for each in found.plans
        if all(getattr(each.plan, name) == value for name, value in wanted.items())
    )


# --- memory ------------------------------------------------------------------------------------------


def test_memory_is_libraries_weights_by_type_and_work() -> None:
    place = Place(device="cpu", measured=measured(libraries={"drawing": Library(seconds=1, bytes=GB // 2)}))
    whole = peak(question(place=place), place, Plan(device="cpu", precision={"*": "float32"})).ram
    # While the net becomes float32, its file lies there beside it.
    assert whole == {"base": GB / 2 + WITH_TORCH, "weights": 4.4 * GB + 2 * GB}
    half = Plan(device="cpu", precision={"net": "bfloat16", "*": "float32"})
    assert peak(question(place=place), place, half).ram["weights"] == pytest.approx(2.4 * GB)


def test_the_worst_moment_may_be_the_work() -> None:
    place = Place(device="cpu")
    large = msgspec.structs.replace(DRAW, alive=2.0 * GB)
    cost = Cost(parts=(NET,), stages=(large,))
    found = peak(question(cost), place, Plan(device="cpu", precision={"*": "float32"})).ram
    assert found["weights"] == 4.0 * GB
    assert found["work"] > 8.0 * GB


def test_work_in_tiles_takes_less() -> None:
    tiled = msgspec.structs.replace(
        DRAW, alive=2.0 * GB, alive_tiled=0.1 * GB, ops=((Convolution(64, 64, 64, 9), 1),)
    )
    cost = Cost(parts=(NET,), stages=(tiled,))
    found = plans(question(cost))
    whole, parts = of(found, tiling=None), of(found, tiling=True)
    assert parts.memory.mid < whole.memory.mid
    assert parts.prediction.seconds.mid > whole.prediction.seconds.mid


def test_what_is_kept_counts_once() -> None:
    kept = msgspec.structs.replace(DRAW, kept_bytes=3.0 * GB)
    cost = Cost(parts=(NET,), stages=(kept, msgspec.structs.replace(kept, phase="again")))
    assert peak(question(cost), Place(device="cpu"), Plan(device="cpu")).ram["kept"] == 3.0 * GB


def test_a_quantized_file_takes_what_it_takes() -> None:
    part = Part(name="model", elements=GB, stored_bytes=GB // 2, fixed_bytes=GB // 2)
    stage = msgspec.structs.replace(DRAW, part="model")
    found = peak(question(Cost(parts=(part,), stages=(stage,))), Place(device="cpu"), Plan(device="cpu"))
    assert found.ram["weights"] == GB / 2


# --- verdicts and order --------------------------------------------------------------------------------


@pytest.mark.parametrize(("ram", "fit"), [(32 * GB, Fit.GREEN), (4 * GB, Fit.AMBER), (2 * GB, Fit.RED)])
def test_the_verdict_follows_what_is_available(ram: int, fit: Fit) -> None:
    found = plans(question(ram_bytes=ram))
    assert found.plans[0].fit is fit
    assert found.fits is (fit is not Fit.RED)


def test_what_fits_comes_before_what_is_quicker() -> None:
    slow = measured(rates=tuple(
        msgspec.structs.replace(rates, linear=tuple((rows, 100 * s) for rows, s in rates.linear))
        if rates.precision == "bfloat16" else rates for rates in measured().rates
    ))  # fmt: skip
    place = Place(device="cpu", measured=slow)
    roomy = plans(question(place=place)).plans[0]
    tight = plans(question(place=place, ram_bytes=4 * GB)).plans[0]
    assert roomy.plan.precision == {"*": "float32"}
    assert tight.plan.precision == {"net": "bfloat16", "*": "float32"}
    assert tight.fit is not Fit.RED


def test_the_quicker_of_two_that_fit_is_first() -> None:
    assert plans(question()).plans[0].plan.precision["net"] == "bfloat16"


def test_without_figures_the_order_is_the_family_s_and_no_time_is_claimed() -> None:
    found = plans(question(place=Place(device="cpu")))
    assert found.plans[0].plan.precision == {"*": "float32"}
    assert found.plans[0].prediction.seconds is None


def test_without_a_device_nothing_is_planned() -> None:
    found = plans(question(places=()))
    assert (found.fits, found.plans, found.reason) == (False, (), "plan.reason.no_device")


# --- accelerators ----------------------------------------------------------------------------------------


def test_a_card_has_its_own_memory_and_parts_may_take_turns_on_it() -> None:
    spec = msgspec.structs.replace(SPEC, capabilities=frozenset({"offload"}))
    card = Place(device="cuda:0", memory_bytes=2 * GB + 3 * GB // 4)
    found = plans(question(place=card, spec=spec))
    turns = of(found, offload="model", precision={"*": "float16"})
    whole = of(found, offload="none", precision={"*": "float32"})
    assert whole.fit is Fit.RED
    assert turns.fit is not Fit.RED
    assert turns.prediction.vram.mid > CONTEXT + 2 * GB
    assert turns.prediction.ram.mid > 2.2 * GB
    assert found.plans[0].plan.offload != "none"


def test_too_little_ram_beside_a_card_is_a_no() -> None:
    card = Place(device="cuda:0", memory_bytes=80 * GB)
    assert plans(question(place=card, ram_bytes=GB)).fits is False


# --- time --------------------------------------------------------------------------------------------------


def phases(cost: Cost, **changes: Any) -> dict[str, float]:
    place = changes.pop("place", Place(device="cpu", measured=measured()))
    return of(plans(question(cost, place, **changes)), precision={"*": "float32"}).prediction.phases


def test_time_is_operations_over_rates() -> None:
    found = phases(Cost(parts=(), stages=(DRAW,)))
    assert found["draw"] == pytest.approx(20 * (10 * 1e6 * 1e-9 + 100 * 1e-5))
    twice = msgspec.structs.replace(DRAW, repeats=40)
    assert phases(Cost(parts=(), stages=(twice,)))["draw"] == pytest.approx(2 * found["draw"])


def test_what_a_whole_network_takes_beyond_its_operations_is_added() -> None:
    setting = Setting(precision="float32", threads=2)
    plain = phases(Cost(parts=(), stages=(DRAW,)))["draw"]
    slow = measured(references=(Reference(net="reader", setting=setting, seconds=1e3),))
    assert (
        phases(Cost(parts=(), stages=(DRAW,)), place=Place(device="cpu", measured=slow))["draw"] > 2 * plain
    )
    other = measured(references=(Reference(net="autoencoder", setting=setting, seconds=1e3),))
    assert phases(Cost(parts=(), stages=(DRAW,)), place=Place(device="cpu", measured=other))["draw"] == plain


def test_a_large_and_a_small_network_tell_operations_from_calls() -> None:
    """What is invented of both comes out again; with the large one alone, all of it is a ratio."""
    rates = measured().of("float32")
    assert rates is not None
    timing = Timing(rates, {})
    setting = Setting(precision="float32", threads=2)
    truth = Framework(ratio=1.3, call=5e-5)
    told = {}
    for net in ("denoiser", "small_denoiser"):
        walk = references.walk(net)
        seconds = truth.ratio * timing.seconds(walk.ops) + truth.call * walk.calls
        told[net] = Reference(net=net, setting=setting, seconds=seconds)
    both = framework(measured(references=tuple(told.values())), timing, "denoiser", "float32", False)
    assert both == pytest.approx(truth)
    one = framework(measured(references=(told["denoiser"],)), timing, "denoiser", "float32", False)
    walk = references.walk("denoiser")
    assert one.call == rates.call
    whole = one.ratio * timing.seconds(walk.ops) + one.call * walk.calls
    assert whole == pytest.approx(told["denoiser"].seconds)
    small = references.walk("small_denoiser")
    assert (
        one.ratio * timing.seconds(small.ops) + one.call * small.calls < 0.8 * told["small_denoiser"].seconds
    )


def test_what_calls_cost_is_never_less_than_one_alone() -> None:
    setting = Setting(precision="float32", threads=2)
    odd = tuple(
        Reference(net=net, setting=setting, seconds=seconds)
        for net, seconds in (("denoiser", 1e-9), ("small_denoiser", 1e-9))
    )
    rates = measured().of("float32")
    assert rates is not None
    found = framework(measured(references=odd), Timing(rates, {}), "denoiser", "float32", False)
    assert found.ratio > 0
    assert found.call > 0


def test_what_nobody_measured_gives_no_time() -> None:
    own = msgspec.structs.replace(DRAW, ops=((Own("theirs", 1.0), 1),))
    assert plans(question(Cost(parts=(NET,), stages=(own,)))).plans[0].prediction.seconds is None


def test_loading_imports_reads_and_converts_once() -> None:
    cost = Cost(parts=(NET,), stages=(DRAW,))
    place = Place(device="cpu", measured=measured(libraries={"drawing": Library(seconds=3, bytes=1)}))
    cold, warm = phases(cost, place=place)["load"], phases(cost, place=place, started=True)["load"]
    assert cold - warm == pytest.approx(3.0)
    assert warm > GB * 1e-9  # a second of converting
    assert phases(cost, place=place, loaded=True)["load"] == 0.0


# --- what runs taught -------------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", [{"throttled": True}, {"details": {"others": 0.4}}])
def test_doubtful_figures_widen_the_time_until_a_run_has_shown_it(trouble: dict[str, Any]) -> None:
    sound, doubtful = (
        Place(device="cpu", measured=measured(**changes))
        for changes in ({"details": {"others": 0.05}}, trouble)
    )
    sure, unsure = plans(question(place=sound)).plans[0], plans(question(place=doubtful)).plans[0]
    assert (sure.doubtful, unsure.doubtful) == (False, True)
    assert sure.prediction.seconds.mid == unsure.prediction.seconds.mid
    assert unsure.prediction.seconds.low < sure.prediction.seconds.low
    assert unsure.prediction.seconds.high > sure.prediction.seconds.high
    assert unsure.prediction.ram == sure.prediction.ram
    ran = plans(question(place=doubtful, corrections={"cpu": {"": Correction(runs=1)}})).plans[0]
    assert not ran.doubtful
    assert ran.prediction.seconds.high < sure.prediction.seconds.high


def test_a_correction_scales_the_middle_and_narrows_the_rest() -> None:
    before = plans(question()).plans[0]
    taught = Correction(phases={"draw": 2.0, "load": 1.0}, ram=1.1, runs=1)
    after = of(plans(question(corrections={"cpu": {"": taught}})), precision=before.plan.precision)
    assert after.prediction.phases["draw"] == pytest.approx(2 * before.prediction.phases["draw"])
    assert after.prediction.ram.mid == pytest.approx(1.1 * before.prediction.ram.mid)
    assert (
        after.prediction.ram.high / after.prediction.ram.mid
        < before.prediction.ram.high / before.prediction.ram.mid
    )
    assert after.counted == before.counted
    elsewhere = plans(question(corrections={"cuda:0": {"": taught}})).plans[0]
    assert elsewhere.prediction == before.prediction
