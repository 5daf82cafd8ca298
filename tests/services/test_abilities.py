"""What this computer can do: verdicts from speeds and sizes, the best model of each task, and their words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from studio.domain.ability import BARS, Candidate, Verdict, abilities, figure, judge
from studio.domain.licence import Licence
from studio.domain.model import Model
from studio.domain.plan import Fit, Span
from studio.families.registry import families
from studio.services.abilities import SENTENCES, candidates, usual_request
from studio.services.estimate import Estimator
from studio.services.history import History
from studio.services.library.library import Library
from tests.services.engines import planner

GB = 10**9
SENTENCE_SECONDS = {"en": 1 / 15.0, "zh": 1 / 4.5}  # a letter, as people read aloud


def model(name: str, task: str = "text", order: int = 100, **fields: Any) -> Model:
    licence = Licence(id="Apache-2.0", url="https://example.org", commercial="yes")
    return Model(
        id=name,
        family="fake",
        tasks=(task,),
        title={"en": name},
        description={"en": ""},
        licence=licence,
        order=order,
        **fields,
    )


def about(name: str, task: str = "text", *, order: int = 100, size: float = GB, **fields: Any) -> Candidate:
    given: dict[str, Any] = {
        "installed": True,
        "fit": Fit.GREEN,
        "memory": Span(low=size, mid=1.2 * size, high=1.4 * size),
        "available_bytes": 8 * GB,
        **fields,
    }
    return Candidate(task=task, model=model(name, task, order), bytes=round(size), **given)


@pytest.mark.parametrize(
    ("candidate", "verdict"),
    [
        (about("a", seconds=24.9), Verdict.COMFORTABLE),  # 200 tokens at 8 a second
        (about("a", seconds=25.1), Verdict.SLOW),
        (about("a", "image", seconds=30.0), Verdict.COMFORTABLE),
        (about("a", "image", seconds=31.0), Verdict.SLOW),
        (about("a", "speech", seconds=5.9), Verdict.COMFORTABLE),
        (about("a", "speech", seconds=6.1), Verdict.SLOW),
        (about("a", "music", seconds=29.0), Verdict.COMFORTABLE),
        (about("a", "music", seconds=31.0), Verdict.SLOW),
        (about("a", fit=Fit.RED, seconds=1.0), Verdict.NOT_POSSIBLE),  # however quick it would be
        (about("a", fit=Fit.AMBER), Verdict.COMFORTABLE),
        (about("a", size=2.5 * GB), Verdict.SLOW),  # nothing but its size is known
        (about("a", size=2.5 * GB, accelerated=True), Verdict.COMFORTABLE),
        (about("a", "image", size=2.5 * GB), Verdict.SLOW),
        (about("a", fit=Fit.UNKNOWN), None),
    ],
)
def test_what_is_comfortable(candidate: Candidate, verdict: Verdict | None) -> None:
    assert judge(candidate) is verdict


def best(*several: Candidate) -> str:
    return abilities(several)["text"].best.model.id


def test_the_best_model_of_a_task() -> None:
    small = about("small", seconds=5.0, counted=True, size=GB)
    large = about("large", seconds=20.0, counted=True, size=3 * GB)
    heavy = about("heavy", seconds=90.0, counted=True, size=6 * GB)
    assert best(small, heavy, large) == "large", "the largest of those that are comfortable"
    assert best(heavy, about("huge", fit=Fit.RED)) == "heavy", "slow is better than not at all"
    assert best(about("guessed", order=1), small) == "small", "what is known before what is guessed"
    assert best(about("later", order=2), about("first", order=1)) == "first"
    assert best(about("first", order=1, installed=False), about("here", order=2)) == "here"
    assert best(about("huge", fit=Fit.RED, size=9 * GB), about("less", fit=Fit.RED, size=8 * GB)) == "less"


def test_a_task_that_no_model_does_is_absent() -> None:
    found = abilities([about("a"), about("b", "image", fit=Fit.UNKNOWN)])
    assert list(found) == ["text"]
    assert abilities([]) == {}


def test_the_figure_in_words() -> None:
    assert figure(about("a", seconds=10.0)) == "20 tokens a second"
    assert figure(about("a", "speech", seconds=1.5)) == "4.0 × real time"
    assert figure(about("a", "image", seconds=12.0)) == "about 12 s"
    assert figure(about("a", "music", seconds=100.0)) == "about 2 min for 10 s of music"
    assert figure(about("a", fit=Fit.RED, size=10 * GB)) == "needs 12.0 GB, 8.0 GB are free"
    assert figure(about("a")) == "not measured yet"


def test_the_sentences_last_as_long_as_the_bar_says() -> None:
    for language, sentence in SENTENCES.items():
        assert len(sentence) * SENTENCE_SECONDS[language] == pytest.approx(BARS["speech"].amount, rel=0.1)


def test_the_usual_request_of_every_family_is_legal() -> None:
    for spec in families().values():
        for task in spec.tasks:
            request = usual_request(model("x", task), spec, task)
            spec.complete(request.values)
            for name, value in BARS[task].values.items():
                assert request.values.get(name, value) == value


def test_every_known_model_is_judged(tmp_path: Path) -> None:
    """The program's own library, nothing fetched: what is bundled is counted, the rest goes by its size."""
    library = Library(tmp_path)
    history = History()
    plan = planner(history)
    estimator = Estimator(
        history, plan, ram=lambda: 16 * GB, accelerators=lambda: (), resident=lambda _: False
    )
    icons = library.default("image")
    assert icons is not None
    assert icons.installed is not None
    plan.learn(icons.model.id, Path(icons.installed.path))
    found = candidates(library.entries(), plan, estimator, "auto")
    assert {each.task for each in found} >= {"text", "image", "speech"}
    assert [each.model.id for each in found if each.counted] == [icons.model.id]
    able = abilities(found)
    assert able["image"].best.model.id == icons.model.id
    assert all(each.model.status == "ready" for each in found)
    assert all(one.verdict is not Verdict.NOT_POSSIBLE for one in able.values())


def test_little_memory_makes_it_impossible(tmp_path: Path) -> None:
    history = History()
    plan = planner(history)
    estimator = Estimator(
        history, plan, ram=lambda: GB // 2, accelerators=lambda: (), resident=lambda _: False
    )
    able = abilities(candidates(Library(tmp_path).entries("text"), plan, estimator, "auto"))
    assert able["text"].verdict is Verdict.NOT_POSSIBLE
    assert able["text"].best.seconds is None
