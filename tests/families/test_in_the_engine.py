"""The text and speech families in a real engine process, as the studio runs them."""

from __future__ import annotations

import time
from pathlib import Path

import hibari
import psutil
import pytest

from studio.wire.messages import Cancel, Cancelled, Done, Failed, PhaseProgress, Saved, TextDelta, Unload
from tests.engine.process import EngineProcess
from tests.fakes.tiny_speech import write_vits
from tests.fakes.tiny_text import write_gguf, write_transformers
from tests.families.jobs import run, start


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("模型 models")
    return {
        "gguf_text": write_gguf(folder / "tiny.gguf", context=16_384),
        "transformers_text": write_transformers(folder / "text", context=16_384),
        "hibari": Path(hibari.__file__).parent,
        "vits": write_vits(folder / "voice"),
    }


@pytest.mark.parametrize("name", ["gguf_text", "transformers_text"])
def test_text(engine: EngineProcess, models: dict[str, Path], name: str) -> None:
    done = run(engine, name, models[name], prompt="hello there", max_tokens=12)
    assert isinstance(done, Done), engine.stderr
    assert done.outcome.tokens
    assert done.outcome.tokens.generated == 12
    assert done.outcome.finish == "limit"
    (saved,) = engine.of(Saved)
    assert saved.artifact.text == "".join(message.text for message in engine.of(TextDelta))
    assert engine.ping().resident == (name,)


@pytest.mark.parametrize("name", ["hibari", "vits"])
def test_speech(engine: EngineProcess, models: dict[str, Path], name: str) -> None:
    done = run(engine, name, models[name], prompt="Hello there. It rains.")
    assert isinstance(done, Done), engine.stderr
    (saved,) = engine.of(Saved)
    assert saved.artifact.media_type == "audio/wav"
    assert saved.artifact.seconds
    assert Path(saved.artifact.path).stat().st_size == saved.artifact.bytes


@pytest.mark.parametrize("name", ["gguf_text", "transformers_text"])
def test_nobody_can_reach_the_engine_and_a_cancelled_text_leaves_it_as_it_was(
    engine: EngineProcess, models: dict[str, Path], name: str
) -> None:
    assert isinstance(run(engine, name, models[name], prompt="hello", max_tokens=1), Done), engine.stderr
    job = start(engine, name, models[name], prompt="hello", max_tokens=8000)
    engine.wait_for(TextDelta)
    process = psutil.Process(engine.pid)
    assert process.net_connections("inet") == []
    asked = time.monotonic()
    engine.send(Cancel(job=job))
    assert isinstance(engine.wait_for(Done, Cancelled, Failed), Cancelled)
    assert time.monotonic() - asked < 2
    assert engine.ping().resident == (name,)
    assert isinstance(run(engine, name, models[name], prompt="hello", max_tokens=1), Done)
    assert engine.process.poll() is None


def test_nothing_stays_when_it_is_told_to_forget(engine: EngineProcess, models: dict[str, Path]) -> None:
    assert isinstance(run(engine, "gguf_text", models["gguf_text"], prompt="hello", max_tokens=2), Done)
    engine.send(Unload())
    deadline = time.monotonic() + 10
    while engine.ping().resident:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert isinstance(run(engine, "gguf_text", models["gguf_text"], prompt="hello", max_tokens=2), Done)
    assert any(message.phase == "load" for message in engine.of(PhaseProgress))


def test_the_libraries_say_nothing_on_the_way(engine: EngineProcess) -> None:
    """What every family above wrote to the engine's stderr."""
    assert engine.stderr == ""


def test_a_failure_carries_its_reason(engine: EngineProcess, models: dict[str, Path]) -> None:
    failed = run(engine, "hibari", models["hibari"], prompt="你好")
    assert isinstance(failed, Failed)
    assert failed.failure.code == "model.language"
    assert "Chinese" in failed.failure.message
    assert "model.language" in engine.stderr, (
        "the control of the test above: this is where a word would be seen"
    )
