"""The starter that writes, in a real engine: what random weights cannot show.

`STUDIO_TEST_MODELS` names the folder that holds it; see tests/services/test_starters.py.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from studio.services.checks import text
from studio.services.library.library import Library
from studio.wire.messages import Cancel, Cancelled, Done, Failed, Saved, TextDelta, Unload
from tests.engine.process import EngineProcess
from tests.families.jobs import run, start

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(1800)]
TOWN = "The history of the town is long and full of turns. " * 180  # over 2,000 tokens


@pytest.fixture(scope="module")
def model() -> tuple[str, Path]:
    folder = os.environ.get("STUDIO_TEST_MODELS")
    entry = Library(Path(folder)).default("text") if folder else None
    if folder is None or entry is None:
        pytest.skip("no text model in STUDIO_TEST_MODELS")
    resolved = Library(Path(folder)).resolve(entry.model.id)
    return resolved.spec.name, Path(resolved.source.path)


def write(engine: EngineProcess, model: tuple[str, Path], **values: Any) -> tuple[str, Done]:
    done = run(engine, *model, **values)
    assert isinstance(done, Done), engine.stderr
    return engine.of(Saved)[0].artifact.text or "", done


def test_it_writes_english_and_chinese(engine: EngineProcess, model: tuple[str, Path]) -> None:
    answer, done = write(
        engine, model, prompt="Explain in two sentences why the sky is blue.", max_tokens=120
    )
    assert text.problems(answer, done.outcome.finish) == (), answer
    answer, done = write(engine, model, prompt="用两句话说明天空为什么是蓝色的。", max_tokens=120)
    assert text.problems(answer, done.outcome.finish, chinese=True) == (), answer


def test_a_cancelled_long_prompt_and_the_next_job(engine: EngineProcess, model: tuple[str, Path]) -> None:
    write(engine, model, prompt="Hello.", max_tokens=2)
    job = start(engine, *model, prompt=TOWN, max_tokens=50)
    time.sleep(1)  # well inside the prompt: it takes a minute or so
    assert engine.of(TextDelta) == []
    asked = time.monotonic()
    engine.send(Cancel(job=job))
    assert isinstance(engine.wait_for(Done, Cancelled, Failed), Cancelled)
    assert time.monotonic() - asked < 2
    _, done = write(engine, model, prompt="Hello.", max_tokens=2)
    assert done.outcome.timings["load"] < 0.1, "the model was still there"


def test_a_second_turn_does_not_read_the_first_again(engine: EngineProcess, model: tuple[str, Path]) -> None:
    notes = TOWN[: len(TOWN) // 4]
    answer, first = write(engine, model, prompt=notes, max_tokens=2)
    turns = [{"role": "user", "content": notes}, {"role": "assistant", "content": answer}]
    _, second = write(engine, model, messages=turns, prompt="Go on.", max_tokens=2)
    assert second.outcome.timings["prompt"] < 0.5 * first.outcome.timings["prompt"]


def test_forgetting_it_gives_its_memory_back(engine: EngineProcess, model: tuple[str, Path]) -> None:
    size = model[1].stat().st_size
    write(engine, model, prompt="Hello.", max_tokens=2)
    before = engine.ping().ram_bytes
    engine.send(Unload())
    deadline = time.monotonic() + 20
    while engine.ping().ram_bytes > before - 0.9 * size:
        assert time.monotonic() < deadline, f"{before} -> {engine.ping().ram_bytes}"
        time.sleep(0.1)
