"""What a finished job teaches: a short answer that it was short, not that the model is quick."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from studio.domain.artifact import Artifact
from studio.domain.job import Outcome, Peak, Tokens
from studio.domain.plan import Planned
from studio.domain.request import Request
from studio.families.registry import family
from studio.services.history import History
from studio.services.planning import Planner
from studio.services.taught import past_run
from tests.fakes.measured import measured
from tests.fakes.tiny_text import write_transformers

WRITING = family("transformers_text")
LONGEST = 400


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_transformers(tmp_path_factory.mktemp("text") / "tiny")


def planner(model: Path, history: History) -> Planner:
    made = Planner(
        history,
        ram=lambda: 16 * 10**9,
        accelerators=lambda: (),
        measured=lambda device: measured() if device == "cpu" else None,
        resident=lambda model: False,
        started=lambda: True,
    )
    made.learn("m", model)
    return made


def request(max_tokens: int = LONGEST) -> Request:
    usual = {p.name: p.default for p in WRITING.parameters}
    values = {**usual, "prompt": "Say hello.", "max_tokens": max_tokens, "seed": 1}
    return Request(task="text", family=WRITING.name, model="m", values=values)


def first(planner: Planner, asked: Request) -> Planned:
    plans = planner.plans(asked, WRITING)
    assert plans is not None
    return plans.plans[0]


def outcome(planned: Planned, *, generated: int, slower: float) -> Outcome:
    """Each token took *slower* times what was predicted."""
    phases = {name: slower * took for name, took in planned.counted.phases.items()}
    phases["generate"] *= generated / LONGEST
    return Outcome(
        timings={**phases, "total": sum(phases.values())},
        peak=Peak(ram_bytes=round(planned.counted.ram)),
        device="cpu",
        tokens=Tokens(prompt=3, generated=generated, per_second=generated / phases["generate"]),
    )


def learn(history: History, planned: Planned, done: Outcome, **changes: Any) -> None:
    run = past_run(request(), WRITING, done, planned, artifacts=(), steps=[], cold=True)
    history.record(msgspec.structs.replace(run, **changes))


@pytest.mark.parametrize("generated", [LONGEST, 40, 2, 1])
def test_a_short_answer_does_not_make_the_model_look_quick(model: Path, generated: int) -> None:
    history = History()
    studio = planner(model, history)
    before = first(studio, request())
    assert before.most
    learn(history, before, outcome(before, generated=generated, slower=1.5))
    after = first(studio, request())
    assert after.learnt
    whole = 1.5 * before.counted.phases["generate"]
    assert after.prediction.phases["generate"] == pytest.approx(whole, rel=0.06 if generated > 2 else 1.1)
    shorter = first(studio, request(max_tokens=LONGEST // 2))
    assert shorter.prediction.phases["generate"] < 0.6 * after.prediction.phases["generate"]


def test_it_is_counted_again_as_far_as_it_went(model: Path) -> None:
    figures = [measured()]
    history = History()
    studio = planner(model, history)
    studio._measured = lambda device: figures[-1] if device == "cpu" else None
    before = first(studio, request())
    learn(history, before, outcome(before, generated=40, slower=1.5))
    then = first(studio, request())
    figures.append(msgspec.structs.replace(figures[0], taken=2.0))
    now = first(studio, request())
    assert now.prediction.phases == pytest.approx(then.prediction.phases)


def test_what_is_no_text_is_counted_whole() -> None:
    drawing = family("stable_diffusion")
    done = Outcome(timings={"total": 3.0, "load": 1.0}, peak=Peak(ram_bytes=1), device="cpu")
    asked = Request(task="image", family=drawing.name, model="m", values={})
    sound = Artifact(path="/x", media_type="audio/wav", sha256="", bytes=1, seconds=6.0)
    run = past_run(asked, drawing, done, None, artifacts=(sound,), steps=[0.3, 0.1, 0.2], cold=False)
    assert (run.rate, run.step_seconds, run.counted, run.cost, run.plan) == (3.0, 0.2, None, None, None)
