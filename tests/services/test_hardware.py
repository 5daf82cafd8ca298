"""What other hardware would change: the guide in both languages, and steps by the rules of the planner."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from studio.domain.ability import Candidate
from studio.domain.plan import Fit
from studio.domain.text import LANGUAGES, set_language
from studio.services.hardware import Upgrade, guide, upgrades, would_fit
from studio.services.history import History
from studio.services.library.library import Library
from tests.services.engines import planner
from tests.services.test_abilities import GB, about


@pytest.fixture(autouse=True)
def _english_again() -> Iterator[None]:
    yield
    set_language("en")


def test_the_guide_says_the_same_in_both_languages() -> None:
    told = []
    for language in LANGUAGES:
        set_language(language)
        told.append(guide())
    for english, chinese in zip(*told, strict=True):
        same = ("kind", "cost", "supported")
        assert [getattr(english, name) for name in same] == [getattr(chinese, name) for name in same]
        assert [source.url for source in english.sources] == [source.url for source in chinese.sources]
        assert english.sources, "every kind names where its facts come from"
        assert 1 <= english.cost <= 5
        assert english.good != chinese.good
    assert [each.kind for each in told[0]] == ["cpu", "gpu", "tpu", "npu", "fpga"]


def needs(gpu: float, ram: float):
    return lambda _, kind, size: size >= (gpu if kind == "gpu" else ram)


def told(found: list[Upgrade]) -> list[tuple[str, float, list[str]]]:
    return [(step.kind, step.bytes, [each.model.id for each in step.models]) for step in found]


def test_each_model_stands_at_the_first_step_that_is_enough() -> None:
    fine, slow = about("fine", seconds=5.0), about("slow", seconds=90.0)
    no = about("no", fit=Fit.RED)
    found = upgrades([fine, slow, no], needs(gpu=7 * GB, ram=10 * GB))
    assert told(found) == [("gpu", 8 * GB, ["slow", "no"]), ("ram", 16 * GB, ["no"])]
    assert upgrades([fine], needs(0, 0)) == []
    assert upgrades([slow, no], needs(gpu=500 * GB, ram=500 * GB)) == [], "more than anything that is sold"


def test_a_card_that_is_here_is_no_step() -> None:
    slow = about("slow", seconds=90.0)
    assert told(upgrades([slow], needs(0, 0), card=8.6 * GB)) == [("gpu", 12 * GB, ["slow"])]


def test_the_planner_decides_where_it_knows_the_files(tmp_path: Path) -> None:
    library = Library(tmp_path)
    icons = library.default("image")
    assert icons is not None
    assert icons.installed is not None
    plan = planner(History())
    candidate = about("x", "image", fit=Fit.RED)
    candidate = msgspec.structs.replace(candidate, model=icons.model, bytes=500 * GB)
    assert not would_fit(plan, candidate, "gpu", 8 * GB, ram=8 * GB), "by its size alone"
    plan.learn(icons.model.id, Path(icons.installed.path))
    assert would_fit(plan, candidate, "gpu", 8 * GB, ram=8 * GB), "by what its files say"
    assert not would_fit(plan, candidate, "gpu", 0.4 * GB, ram=8 * GB)
    assert would_fit(plan, candidate, "ram", 2 * GB, ram=0.1 * GB)
    assert not would_fit(plan, candidate, "ram", 0.1 * GB, ram=0.1 * GB)


def test_a_size_that_nobody_knows_promises_nothing() -> None:
    unknown: Candidate = about("x", fit=Fit.RED, size=0)
    with_family = Library(Path("nowhere")).entries("text")[0].model
    nothing = msgspec.structs.replace(unknown, model=with_family, bytes=0)
    assert not would_fit(planner(History()), nothing, "gpu", 24 * GB, ram=8 * GB)
