"""What may be chosen of a plan, what that costs, and why some of it cannot be had."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from studio.domain.cost.cost import Cost, Part, PartFacts, Stage, Tensor
from studio.domain.cost.ops import Attention, Convolution, Linear, Written, macs, split
from studio.domain.family import FamilySpec, Memory
from studio.domain.measurement import Compiler, Measurements
from studio.domain.plan import Fit, KvCache, Loaded, Plan, Planned, Plans
from studio.domain.planning import Place, Question, absent, applied, plans
from studio.domain.planning.choices import VALUES, parse
from studio.domain.planning.clock import TO_DEVICE
from studio.domain.planning.words import loaded
from tests.fakes.measured import measured

GB = 10**9
SPEC = FamilySpec(
    name="drawing",
    tasks=("image",),
    parameters=(),
    memory=Memory(base=GB // 4),
    phases={"load": 0.1, "draw": 0.9},
    libraries=("torch",),
    capabilities=frozenset({"offload", "slicing", "compile"}),
    attention=("sdpa", "flash", "eager", "sliced"),
    precisions={
        "cpu": ({"*": "float32"}, {"net": "bfloat16", "*": "float32"}),
        "gpu": ({"*": "float32"}, {"*": "float16", "reader": "float32"}, {"*": "bfloat16"}),
    },
    coarser={"cpu": ({"*": "bfloat16"},)},
)
READER = Part(name="reader", elements=GB // 5, stored_bytes=GB // 5 * 4, block=GB // 5, layer=GB // 50)
NET = Part(name="net", elements=GB, stored_bytes=4 * GB, block=GB // 8, layer=GB // 100)
READ = Stage(phase="encode", part="reader", ops=((Linear(77, 1000, 1000), 10),), alive=1e5, calls=50)
DRAW = Stage(
    phase="draw",
    part="net",
    ops=(
        (Linear(2000, 1000, 1000), 10),
        (Convolution(2000, 100, 100, 9), 5),
        (Attention(16, 1000, 1000, 64), 4),
    ),
    repeats=20,
    alive=4e8,
    written=Written(1.2e9, 5e8),
    batch=2,
    calls=400,
    compiles=True,
)
PAINT = Stage(
    phase="paint", part="net", ops=((Convolution(10**5, 64, 64, 9), 5),), alive=5e8, alive_tiled=5e7, calls=50
)
COST = Cost(parts=(READER, NET), stages=(READ, DRAW, PAINT))
CARD = Place(device="cuda:0", memory_bytes=80 * GB, arch="sm_89")
HERE = Place(device="cpu", measured=measured())
WRITING = msgspec.structs.replace(
    SPEC, capabilities=frozenset(), precisions={}, coarser={}, attention=("flash", "eager"),
    kv_cache=("f16", "q8_0", "q4_0"), libraries=(),
)  # fmt: skip
TEXT = Cost(
    parts=(Part(name="model", elements=GB, stored_bytes=GB, fixed_bytes=GB),),
    stages=(
        Stage(
            phase="write",
            part="model",
            ops=((Attention(32, 1, 4096, 128), 32),),
            alive=1e6,
            written=Written(1e8),
            cache=1e9,
            cached=8192,
        ),
    ),
)


def ask(place: Place = HERE, cost: Cost = COST, spec: FamilySpec = SPEC, **more: Any) -> Question:
    usual: dict[str, Any] = {"ram_bytes": 64 * GB}
    return Question(spec=spec, cost=cost, places=(place,), **{**usual, **more})


def found(place: Place = HERE, cost: Cost = COST, spec: FamilySpec = SPEC, **choices: str) -> Plans:
    return plans(ask(place, cost, spec, choices={key.replace("__", "."): v for key, v in choices.items()}))


def best(place: Place = HERE, cost: Cost = COST, spec: FamilySpec = SPEC, **choices: str) -> Planned:
    return found(place, cost, spec, **choices).plans[0]


# --- what it costs -----------------------------------------------------------------------------------------


def work(each: Planned) -> float:
    return each.prediction.breakdown["work"]


def test_scores_that_are_written_out_take_memory_and_time() -> None:
    # Guidance in one piece and no tiles: then the denoiser's own work decides.
    kinds = {
        kind: best(
            cost=Cost(parts=COST.parts, stages=(READ, DRAW)),
            attention=kind,
            slicing="off",
            precision="float32",
        )
        for kind in ("sdpa", "sliced", "eager")
    }
    assert work(kinds["sdpa"]) < work(kinds["sliced"]) < work(kinds["eager"])
    assert work(kinds["eager"]) == pytest.approx(3 * work(kinds["sdpa"]))
    seconds = {kind: each.prediction.phases["draw"] for kind, each in kinds.items()}
    assert seconds["sdpa"] < seconds["eager"] < seconds["sliced"]


def test_slicing_halves_the_work_and_adds_calls() -> None:
    cost = Cost(parts=COST.parts, stages=(READ, DRAW))
    whole, halves = (best(cost=cost, slicing=kind, precision="float32") for kind in VALUES["slicing"])
    assert work(halves) == pytest.approx(work(whole) / 2)
    assert halves.prediction.phases["draw"] > whole.prediction.phases["draw"]
    assert macs(split(DRAW.ops, 2)) == pytest.approx(macs(DRAW.ops))


def test_each_way_to_take_turns_needs_less_of_the_card_than_the_one_before() -> None:
    kinds = [best(CARD, offload=kind, precision="float32") for kind in VALUES["offload"]]
    weights = [each.prediction.breakdown["weights"] for each in kinds]
    assert weights == sorted(weights, reverse=True)
    assert len(set(weights)) == len(weights)
    assert weights[0] == 4 * (READER.elements + NET.elements)
    assert weights[2] == 4 * 2 * NET.block, "the block that computes, and the next one"
    assert weights[3] == 4 * NET.layer, "its largest tensor"
    ram = [each.prediction.ram.mid for each in kinds]
    assert ram[2] > ram[1] > ram[0], "they wait in the computer's memory, for blocks in a copy that stays put"


def test_blocks_travel_while_others_compute() -> None:
    card = msgspec.structs.replace(CARD, measured=measured("cuda:0"))
    took = {
        kind: best(card, offload=kind, precision="float32").prediction.phases["draw"]
        for kind in VALUES["offload"]
    }
    travel = 4 * NET.elements / TO_DEVICE
    assert took["model"] == pytest.approx(took["none"] + 2 * travel), "there and back"
    assert took["group"] == pytest.approx(max(took["none"], DRAW.repeats * travel))
    assert took["sequential"] == pytest.approx(took["none"] + DRAW.repeats * travel)
    assert took["none"] < took["group"]


def test_the_largest_block_is_read_from_names() -> None:
    names = {"blocks.0.a": 100, "blocks.0.b": 50, "blocks.1.a": 120, "input": 7, "text.blocks.0.a": 11}
    tensors = tuple(Tensor(name, "F32", (size,), 4 * size) for name, size in names.items())
    part = Part.of("net", PartFacts(config={}, tensors=tensors))
    assert (part.block, part.layer) == (150 + 7 + 11, 120)


@pytest.mark.parametrize(("kind", "each"), [("f16", 2.0), ("q8_0", 1.0625), ("q4_0", 0.5625)])
def test_what_is_kept_of_a_text_by_its_type(kind: str, each: float) -> None:
    kept = best(cost=TEXT, spec=WRITING, kv_cache=kind)
    assert kept.prediction.breakdown["kept"] == pytest.approx(1e9 * each)
    assert kept.plan.kv_cache == KvCache(type=kind, length=8192)
    half = best(cost=TEXT, spec=WRITING, kv_cache=kind, kv_cache__length="4096")
    assert half.prediction.breakdown["kept"] == pytest.approx(1e9 * each / 2)


def test_a_text_encoder_with_numbers_of_its_own() -> None:
    plain, own = best(precision="float32"), best(precision="float32", precision__reader="bfloat16")
    assert own.plan.precision == {"*": "float32", "reader": "bfloat16"}
    saved = plain.prediction.breakdown["weights"] - own.prediction.breakdown["weights"]
    assert saved == 2 * READER.elements


def figures(compiler: Compiler | None) -> Measurements:
    return msgspec.structs.replace(measured(), compiler=compiler)


def test_the_compiler_is_taken_where_it_pays_within_the_job() -> None:
    def chosen(ratio: float, seconds: float) -> bool:
        place = Place(device="cpu", measured=figures(Compiler(ratio=ratio, seconds=seconds)))
        return best(place).plan.compile

    assert chosen(0.5, 0.01)
    assert not chosen(0.5, 1e5)
    assert not chosen(1.2, 0.01)
    assert not best().plan.compile  # nobody measured it


# --- what is tried by itself ------------------------------------------------------------------------------


def test_what_rounds_more_comes_behind_all_that_fits_without() -> None:
    order = found()
    coarse = [each.plan.precision == {"*": "bfloat16"} for each in order.plans]
    assert coarse == sorted(coarse)
    assert any(coarse)
    assert best(cost=TEXT, spec=WRITING).plan.kv_cache == KvCache(type="f16", length=8192)


def test_with_too_little_memory_it_is_the_first() -> None:
    tight = plans(ask(cost=TEXT, spec=WRITING, ram_bytes=int(2.2 * GB))).plans[0]
    assert tight.plan.kv_cache is not None
    assert tight.plan.kv_cache.type == "q4_0"
    assert tight.fit is not Fit.RED


def test_pieces_come_first_where_only_they_fit() -> None:
    card = msgspec.structs.replace(CARD, memory_bytes=int(2.2 * GB))
    plan = best(card).plan
    assert (plan.offload != "none", plan.tiling, plan.slicing) == (True, True, True)


@pytest.mark.parametrize(
    ("arch", "device", "half"),
    [("sm_75", "cuda:0", "float16"), (None, "mps", "float16"), ("sm_90", "cuda:0", "bfloat16")],
)
def test_old_cards_and_apple_s_compute_in_float16(arch: str | None, device: str, half: str) -> None:
    place = Place(device=device, memory_bytes=80 * GB, arch=arch)
    kinds = {kind for each in found(place).plans for kind in each.plan.precision.values()}
    assert "float16" in kinds
    assert ("bfloat16" in kinds) == (half == "bfloat16")


def test_what_has_only_bfloat16_computes_in_it_everywhere() -> None:
    spec = msgspec.structs.replace(
        SPEC, precisions={"gpu": ({"*": "float32"}, {"*": "bfloat16"})}, coarser={}
    )
    place = Place(device="cuda:0", memory_bytes=80 * GB, arch="sm_75")
    kinds = {kind for each in found(place, spec=spec).plans for kind in each.plan.precision.values()}
    assert kinds == {"float32", "bfloat16"}
    assert "precision=bfloat16" not in reasons(place, spec=spec)


def test_a_file_of_wide_numbers_is_not_squeezed_into_float16() -> None:
    wide = msgspec.structs.replace(NET, stored_type="BF16")
    ways = found(CARD, Cost(parts=(READER, wide), stages=COST.stages)).plans
    assert "float16" not in {kind for each in ways for kind in each.plan.precision.values()}


def test_on_apple_s_cards_the_heads_may_take_turns() -> None:
    kinds = {each.plan.attention for each in found(Place(device="mps", memory_bytes=8 * GB)).plans}
    assert kinds == {"sdpa", "sliced"}
    assert {each.plan.attention for each in found(CARD).plans} == {"sdpa"}


# --- what cannot be ---------------------------------------------------------------------------------------


def reasons(place: Place = HERE, cost: Cost = COST, spec: FamilySpec = SPEC) -> dict[str, str]:
    told = absent(ask(place, cost, spec), place)
    return {choice: reason.removeprefix("plan.absent.") for choice, reason in told.items()}


def test_reasons_of_a_processor() -> None:
    told = reasons()
    assert told["offload=group"] == told["offload=model"] == "one_memory"
    assert told["precision=float16"] == "range"
    assert told["kv_cache=q8_0"] == "kind"
    assert not {"attention=flash", "tiling=on", "slicing=on", "precision=bfloat16"} & told.keys()


def test_reasons_of_cards() -> None:
    assert reasons(CARD).keys() == {f"kv_cache={kind}" for kind in VALUES["kv_cache"]}
    old = reasons(msgspec.structs.replace(CARD, arch="sm_75"))
    assert (old["attention=flash"], old["precision=bfloat16"]) == ("flash", "bfloat16")
    assert reasons(Place(device="mps", memory_bytes=8 * GB))["attention=flash"] == "flash"


def test_reasons_of_a_file_with_numbers_of_its_own() -> None:
    told = reasons(cost=TEXT, spec=WRITING)
    assert told["precision=float32"] == "in_file"
    assert (told["tiling=on"], told["memory_format=channels_last"]) == ("kind", "kind")
    assert not {"kv_cache=q8_0", "kv_cache=q4_0", "attention=flash"} & told.keys()
    narrow = msgspec.structs.replace(TEXT.stages[0], ops=((Attention(32, 1, 4096, 80), 32),))
    told = reasons(cost=Cost(parts=TEXT.parts, stages=(narrow,)), spec=WRITING)
    assert told["kv_cache=q8_0"] == told["kv_cache=q4_0"] == "kv_heads"
    assert "kv_cache=f16" not in told


def test_without_a_compiler() -> None:
    place = Place(device="cpu", measured=figures(Compiler(reason="no C++ compiler")))
    assert reasons(place)["compile=on"] == "compiler"
    refused = found(place, compile="on")
    assert (refused.plans, refused.refused, refused.reason) == ((), "compile=on", "plan.absent.compiler")


@pytest.mark.parametrize(
    ("choices", "reason"),
    [
        ({"kv_cache": "q8_0", "attention": "eager"}, "kv_needs_flash"),
        ({"precision.nothing": "bfloat16"}, "in_file"),
        ({"offload": "model"}, "kind"),
    ],
)
def test_choices_that_exclude_each_other(choices: dict[str, str], reason: str) -> None:
    assert plans(ask(cost=TEXT, spec=WRITING, choices=choices)).reason == f"plan.absent.{reason}"


def test_what_is_compiled_stays_where_it_is() -> None:
    assert found(CARD, compile="on", offload="group").reason == "plan.absent.compile_stays"
    assert {each.plan.offload for each in found(CARD, compile="on").plans} == {"none"}


def test_a_part_that_is_not_there() -> None:
    assert found(precision__nothing="float32").reason == "plan.absent.part"


# --- words ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("key", VALUES)
def test_every_choice_is_carried_out(key: str) -> None:
    """Each value that can be had changes the plan, and all plans have it."""
    place = CARD if key == "offload" else HERE
    cost, spec = (TEXT, WRITING) if key == "kv_cache" else (COST, SPEC)
    told = absent(ask(place, cost, spec), place)
    seen = set()
    for value in VALUES[key]:
        if f"{key}={value}" in told:
            continue
        every = plans(ask(place, cost, spec, choices=dict([parse(f"{key}={value}")]))).plans
        assert every
        seen |= {msgspec.json.encode(getattr(each.plan, key)) for each in every}
    assert len(seen) > 1


def test_choices_reach_the_engine_though_nothing_could_be_counted() -> None:
    plan = applied(Plan(device="auto"), {"attention": "sliced", "precision.vae": "bfloat16", "tiling": "on"})
    assert (plan.attention, plan.tiling) == ("sliced", True)
    assert plan.precision == {"*": "float32", "vae": "bfloat16"}


@pytest.mark.parametrize(
    "words", ["attention", "attention=fast", "nothing=1", "kv_cache.length=x", "tiling=1", ""]
)
def test_words_that_are_no_choice(words: str) -> None:
    with pytest.raises(ValueError, match=r"plan\.choice"):
        parse(words)


def test_what_was_in_memory_in_words() -> None:
    found = Loaded(
        precision={"reader": "float32", "net": "bfloat16", "vae": "float32"},
        weight_bytes={},
        memory_format="contiguous",
        kv_cache=KvCache(type="q8_0", length=4096),
        offload="group",
    )
    words = [figure for _, figure in loaded(found)]
    assert words[0] == "net bfloat16, float32"
    assert words[1] == "8 bits (q8_0), 4096 tokens"
    assert len(words) == 3
