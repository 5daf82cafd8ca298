"""The planner of a studio: facts from files, corrections from runs, and never a look at a model's name."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from studio.domain.cost.kept import keep
from studio.domain.job import Peak
from studio.domain.machine import Accelerator
from studio.domain.measurement import Measurements
from studio.domain.plan import Fit, Planned
from studio.domain.request import Request
from studio.families.registry import family
from studio.services.history import History, PastRun, work_of
from studio.services.library.headers import HeaderError
from studio.services.library.library import Library
from studio.services.paths import ASSETS, MANIFEST
from studio.services.planning import Planner
from tests.fakes.measured import measured
from tests.fakes.tiny_text import write_gguf

GB = 10**9
ICONS = ASSETS / "models" / "starter-icons"
DRAWING = family("stable_diffusion")


def planner(
    history: History | None = None,
    *,
    ram: int = 16 * GB,
    cards: tuple[Accelerator, ...] = (),
    figures: Callable[[str], Measurements | None] | None = None,
    resident: bool = False,
) -> Planner:
    return Planner(
        history or History(),
        ram=lambda: ram,
        accelerators=lambda: cards,
        measured=figures or (lambda device: measured(device) if device == "cpu" else None),
        resident=lambda model: resident,
        started=lambda: False,
    )


def twice_as_fast(old: Measurements, **changes: Any) -> Measurements:
    def halved(points: tuple[tuple[float, ...], ...]) -> tuple[Any, ...]:
        return tuple((*sizes, seconds / 2) for *sizes, seconds in points)

    kinds = ("linear", "convolution", "attention", "pointwise")
    rates = tuple(
        msgspec.structs.replace(
            each, call=each.call / 2, **{kind: halved(getattr(each, kind)) for kind in kinds}
        )
        for each in old.rates
    )
    return msgspec.structs.replace(old, rates=rates, **changes)


def request(model: str = "icons", device: str = "auto", **values: Any) -> Request:
    usual = {p.name: p.default for p in DRAWING.parameters}
    return Request(
        task="image",
        family=DRAWING.name,
        model=model,
        values={**usual, "prompt": "a red apple", "size": (64, 64), "seed": 1, **values},
        device=device,
    )


def first(planner: Planner, asked: Request) -> Planned:
    found = planner.plans(asked, DRAWING)
    assert found is not None
    return found.plans[0]


@pytest.fixture
def icons() -> Planner:
    found = planner()
    found.learn("icons", ICONS)
    return found


def test_more_work_takes_longer(icons: Planner) -> None:
    few, many = first(icons, request(steps=5)), first(icons, request(steps=50))
    large = first(icons, request(steps=5, size=(256, 256)))
    phases = few.prediction.phases
    assert many.prediction.phases["denoise"] == pytest.approx(10 * phases["denoise"], rel=0.02)
    assert many.prediction.ram == few.prediction.ram
    assert large.prediction.phases["decode"] > 4 * phases["decode"]
    assert large.prediction.ram.mid > few.prediction.ram.mid


def test_a_name_changes_nothing(tmp_path: Path) -> None:
    """The same files under another name, in a manifest whose entries are shuffled and renamed."""
    assets, manifest = tmp_path / "assets", tmp_path / "manifest"
    shutil.copytree(ICONS, assets / "models" / "something-else")
    manifest.mkdir()
    described = (json.loads(file.read_text()) for file in sorted(MANIFEST.rglob("*.json")))
    entries = [entry for entry in described if "sources" in entry]  # the others are no models
    bundled = next(e for e in entries if any(s.get("path") == "starter-icons" for s in e.get("sources", ())))
    for number, entry in enumerate(random.Random(5).sample(entries, len(entries))):
        name = f"model-{number}"
        if entry["id"] == bundled["id"]:
            renamed, entry["files"] = name, []
            entry["sources"] = [{"kind": "bundled", "path": "something-else"}]
        changed = {
            **entry,
            "id": name,
            "title": {"en": f"X{number}", "zh_CN": f"某{number}"},
            "order": number,
        }
        (manifest / f"{name}.json").write_text(json.dumps(changed))
    usual, other = Library(tmp_path / "a"), Library(tmp_path / "b", manifest=manifest, assets=assets)
    found = []
    for library, name in ((usual, bundled["id"]), (other, renamed)):
        studio = planner()
        studio.learn(name, Path(library.resolve(name, verify=False).source.path))
        found.append(studio.plans(request(name), DRAWING))
    assert found[0] is not None
    assert found[0] == found[1]


def test_another_architecture_of_the_same_name_is_another_plan(icons: Planner, tmp_path: Path) -> None:
    before = first(icons, request())
    smaller = shutil.copytree(ICONS, tmp_path / "starter-icons")
    config = json.loads((smaller / "unet" / "config.json").read_text())
    config["layers_per_block"] = 1
    (smaller / "unet" / "config.json").write_text(json.dumps(config))
    icons.learn("icons", smaller)
    assert first(icons, request()).prediction.phases["denoise"] < before.prediction.phases["denoise"]


# --- what is planned, and what is not --------------------------------------------------------------------


def test_without_facts_or_of_broken_files_nothing_is_claimed(tmp_path: Path) -> None:
    studio = planner()
    assert studio.plans(request(), DRAWING) is None
    assert studio.best(request(device="cpu"), DRAWING)[0].precision == {}
    (tmp_path / "broken.safetensors").write_bytes(b"\xff" * 100)
    with pytest.raises((HeaderError, OSError)):
        studio.learn("icons", tmp_path / "broken.safetensors")
    assert not studio.knows("icons")


def test_values_that_cannot_be_count_as_usual(icons: Planner) -> None:
    usual = next(p.default for p in DRAWING.parameters if p.name == "steps")
    assert first(icons, request(steps=-3)).prediction == first(icons, request(steps=usual)).prediction


def test_without_figures_the_engine_chooses(icons: Planner) -> None:
    studio = planner(figures=lambda _: None)
    studio.learn("icons", ICONS)
    plan, planned = studio.best(request(), DRAWING)
    assert (plan.device, plan.precision, plan.memory_format) == ("auto", {}, "auto")
    assert planned is not None
    assert planned.fit is Fit.GREEN
    plan, _ = icons.best(request(), DRAWING)
    assert plan.device == "cpu"
    assert plan.precision


def test_a_card_that_was_not_measured_is_left_to_the_engine() -> None:
    card = Accelerator(kind="cuda", vendor="v", name="n", device="cuda:0", memory_free_bytes=8 * GB)
    studio = planner(cards=(card,))
    studio.learn("icons", ICONS)
    assert studio.best(request(), DRAWING)[0].device == "auto"
    assert studio.best(request(device="cpu"), DRAWING)[0].device == "cpu"
    unusable = planner(cards=(msgspec.structs.replace(card, usable=False),))
    unusable.learn("icons", ICONS)
    assert unusable.best(request(), DRAWING)[0].device == "cpu"


def test_a_loaded_model_needs_no_loading() -> None:
    studio = planner(resident=True)
    studio.learn("icons", ICONS)
    assert first(studio, request()).prediction.phases["load"] == 0.0


def test_what_would_make_it_fit(icons: Planner) -> None:
    large = request(size=(1536, 1536))
    need = first(icons, large).memory.mid
    studio = planner(ram=int(0.6 * need))
    studio.learn("icons", ICONS)
    plans = studio.plans(large, DRAWING)
    assert plans is not None
    assert not plans.fits
    changes = [change for change, _ in studio.nearest(large, DRAWING)]
    assert {"size"} == {name for change in changes for name in change}
    for change, planned in studio.nearest(large, DRAWING):
        assert planned.fit in (Fit.GREEN, Fit.AMBER)
        assert max(change["size"]) < 1536


def test_only_legal_sizes_are_proposed(icons: Planner) -> None:
    sizes = ((512, 512), (1024, 512), (1024, 1024))
    few = msgspec.structs.replace(
        DRAWING,
        parameters=tuple(
            msgspec.structs.replace(each, default=(512, 512), sizes=sizes) if each.name == "size" else each
            for each in DRAWING.parameters
        ),
    )
    large = request(size=(1024, 1024))
    studio = planner(ram=int(0.9 * first(icons, large).memory.mid))
    studio.learn("icons", ICONS)
    changes = [change["size"] for change, _ in studio.nearest(large, few) if "size" in change]
    assert changes == [(512, 512)]  # and not (768, 768)


def test_a_gguf_file_is_planned_by_what_the_family_measured(tmp_path: Path) -> None:
    studio, text = planner(), family("gguf_text")
    studio.learn("t", write_gguf(tmp_path / "t.gguf"))
    asked = Request(task="text", family=text.name, model="t", values={"prompt": "hello", "max_tokens": 100})
    found = studio.plans(asked, text)
    assert found is not None
    assert found.plans[0].prediction.seconds is None  # nobody has measured it here
    assert found.plans[0].prediction.ram.mid > 0


# --- runs teach ------------------------------------------------------------------------------------------


def ran(planned: Planned, asked: Request, *, slower: float, **changes: Any) -> PastRun:
    """What a job leaves behind that took *slower* times what was predicted."""
    counted = planned.counted
    timings = {name: slower * seconds for name, seconds in counted.phases.items()}
    return PastRun(
        model=asked.model,
        family=asked.family,
        asked="auto",
        device="cpu",
        work=work_of(DRAWING, asked.values),
        cold=True,
        ended=1.0,
        timings={**timings, "total": sum(timings.values())},
        peak=Peak(ram_bytes=round(1.2 * counted.ram)),
        built=planned.plan.built,
        counted=counted,
        **{"plan": planned.plan, "cost": keep(planned.cost)} | changes,
    )


def test_one_run_corrects_other_sizes_too(icons: Planner) -> None:
    history = History()
    studio = planner(history)
    studio.learn("icons", ICONS)
    small, large = request(), request(size=(128, 128), steps=40)
    before = first(studio, large)
    history.record(ran(first(studio, small), small, slower=2.0))
    after = first(studio, large)
    assert after.learnt
    assert after.prediction.seconds is not None
    assert before.prediction.seconds is not None
    assert after.prediction.seconds.mid == pytest.approx(2 * before.prediction.seconds.mid)
    assert after.prediction.ram.mid == pytest.approx(1.2 * before.prediction.ram.mid)
    assert first(icons, large).prediction == before.prediction  # another studio has learnt nothing


def test_the_very_same_work_counts_before_other_sizes() -> None:
    history = History()
    studio = planner(history)
    studio.learn("icons", ICONS)
    small, large = request(), request(size=(128, 128))
    planned = {asked.values["size"]: first(studio, asked) for asked in (small, large)}
    history.record(ran(planned[64, 64], small, slower=3.0))
    history.record(ran(planned[128, 128], large, slower=1.5))
    for asked, factor in ((small, 3.0), (large, 1.5)):
        seconds = first(studio, asked).prediction.seconds
        counted = sum(planned[asked.values["size"]].counted.phases.values())
        assert seconds is not None
        assert seconds.mid == pytest.approx(factor * counted)


def test_what_one_way_took_says_little_of_another() -> None:
    """One run beside another program must not make every way look as slow."""
    history = History()
    studio = planner(history)
    studio.learn("icons", ICONS)
    plans = studio.plans(request(), DRAWING)
    assert plans is not None
    quick, other = (
        plans.plans[0],
        next(p for p in plans.plans if p.plan.precision != plans.plans[0].plan.precision),
    )
    history.record(ran(quick, request(), slower=30.0))
    after = studio.plans(request(), DRAWING)
    assert after is not None
    now = {each.plan.built: each.prediction.seconds.mid for each in after.plans if each.prediction.seconds}
    assert now[quick.plan.built] > 20 * sum(quick.counted.phases.values())
    assert now[other.plan.built] <= 1.5 * sum(other.counted.phases.values()) * 1.001
    assert after.plans[0].plan == quick.plan  # the same seed is to give the same picture


def test_one_wild_run_does_not_decide() -> None:
    history = History()
    studio = planner(history)
    studio.learn("icons", ICONS)
    planned = first(studio, request())
    for slower in (1.1, 1.1, 30.0, 1.1, 1.1):
        history.record(ran(planned, request(), slower=slower))
    seconds = first(studio, request()).prediction.seconds
    assert seconds is not None
    assert seconds.mid == pytest.approx(1.1 * sum(planned.counted.phases.values()))


@pytest.mark.parametrize("same", [True, False])
def test_runs_teach_on_when_the_computer_is_measured_again(same: bool) -> None:
    """The new figures say that everything is twice as fast.

    Of the same computer and libraries: the run is what is true, and is compared with them anew. Of others:
    everything is twice as fast, and the model takes as much more than its count as before.
    """
    figures = [measured()]
    history = History()
    studio = planner(history, figures=lambda device: figures[-1] if device == "cpu" else None)
    studio.learn("icons", ICONS)
    small, large = request(), request(size=(128, 128), steps=40)
    planned = first(studio, small)
    run = ran(planned, small, slower=3.0)
    history.record(msgspec.json.decode(msgspec.json.encode(run), type=PastRun))  # as from the database
    before = [first(studio, asked) for asked in (small, large)]
    figures.append(twice_as_fast(figures[0], taken=2.0, name="none" if same else "new"))
    for asked, then, close in ((small, before[0], 1e-6), (large, before[1], 0.05)):
        now = first(studio, asked)
        assert now.learnt
        assert now.plan == then.plan
        assert now.counted.phases["denoise"] == pytest.approx(then.counted.phases["denoise"] / 2)
        wanted = then.prediction.phases["denoise"] / (1 if same else 2)
        assert now.prediction.phases["denoise"] == pytest.approx(wanted, rel=close)


def test_a_run_that_cannot_be_counted_again_keeps_what_it_was_compared_with() -> None:
    history = History()
    studio = planner(history)
    studio.learn("icons", ICONS)
    planned = first(studio, request())
    run = ran(planned, request(), slower=3.0, cost={"parts": [], "stages": [{"ops": []}]})
    old = msgspec.structs.replace(planned.counted, basis=0.5)
    history.record(msgspec.structs.replace(run, counted=old))
    after = first(studio, request())
    assert after.learnt
    assert after.prediction.phases["denoise"] == pytest.approx(3 * planned.counted.phases["denoise"])


@pytest.mark.parametrize("lost", ["cost", "plan", "counted"])
def test_runs_of_an_older_version_teach_nothing(lost: str) -> None:
    history = History()
    studio = planner(history)
    studio.learn("icons", ICONS)
    run = ran(first(studio, request()), request(), slower=3.0)
    history.record(msgspec.structs.replace(run, **{lost: None}))
    assert not first(studio, request()).learnt
    history.record(run)
    assert first(studio, request()).learnt


def test_runs_before_the_first_figures_teach_nothing_of_time() -> None:
    history = History()
    studio = planner(history)
    studio.learn("icons", ICONS)
    planned = first(studio, request())
    old = msgspec.structs.replace(planned.counted, basis=0.0, phases={})
    history.record(msgspec.structs.replace(ran(planned, request(), slower=3.0), counted=old))
    assert not first(studio, request()).learnt
