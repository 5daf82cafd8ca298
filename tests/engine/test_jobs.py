"""One job after another in a real engine: its messages, its cancel, its failures."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from studio.domain.model import ModelSource
from studio.wire.messages import (
    Cancel,
    Cancelled,
    Done,
    Failed,
    PhaseProgress,
    Preview,
    Saved,
    Started,
    TextDelta,
)
from tests.engine.process import EngineProcess

Start = Callable[..., EngineProcess]


def test_a_job_tells_its_whole_story(engine: EngineProcess) -> None:
    done = engine.run(steps=3)
    assert isinstance(done, Done), engine.stderr
    kinds = [type(message) for message in engine.messages]
    assert kinds[0] is Started
    assert kinds[-1] is Done
    assert engine.of(Started)[0].device == "cpu"
    phases = list(dict.fromkeys(message.phase for message in engine.of(PhaseProgress)))
    assert phases == ["load", "denoise", "save"]
    artifact = engine.of(Saved)[0].artifact
    assert (artifact.width, artifact.height, artifact.seed, artifact.index) == (16, 16, 7, 0)
    timings = done.outcome.timings
    assert timings.keys() == {"load", "denoise", "save", "total"}
    assert sum(timings.values()) - timings["total"] == pytest.approx(timings["total"], abs=0.2)
    assert done.outcome.device == "cpu"
    assert 50_000_000 < done.outcome.peak.ram_bytes < 4e9
    assert done.outcome.peak.vram_bytes is None


def test_the_model_stays_for_the_next_job(engine: EngineProcess) -> None:
    first, second = engine.run(), engine.run()
    assert isinstance(first, Done)
    assert isinstance(second, Done)
    assert second.outcome.timings["load"] < 0.05
    assert engine.ping().resident == ("sample",)


def test_progress_comes_ten_times_a_second_at_most(engine: EngineProcess) -> None:
    began = time.monotonic()
    assert isinstance(engine.run(act="busy", steps=100, seconds=0.01), Done)
    seconds = time.monotonic() - began
    steps = [message for message in engine.of(PhaseProgress) if message.steps == 100]
    assert 2 < len(steps) <= 10 * seconds + 2
    assert [message.step for message in steps] == sorted({message.step for message in steps})
    for message in steps:
        assert message.fraction == message.step / 100
        assert message.step_seconds > 0


def test_a_preview_is_a_picture(engine: EngineProcess) -> None:
    assert isinstance(engine.run(count=2), Done)
    previews = [
        (message, blob)
        for message, blob in zip(engine.messages, engine.blobs, strict=True)
        if isinstance(message, Preview)
    ]
    assert previews
    for message, blob in previews:
        assert (message.width, message.height) == (16, 16)
        assert len(blob) == 16 * 16 * 3
        assert len(set(blob)) > 10


def test_text_and_its_figures(engine: EngineProcess) -> None:
    done = engine.run(act="write")
    assert isinstance(done, Done)
    assert [message.text for message in engine.of(TextDelta)] == ["one ", "two ", "三"]
    assert (done.outcome.tokens.generated, done.outcome.finish) == (3, "stop")
    assert engine.of(Saved)[0].artifact.text == "one two 三"


# --- cancel -----------------------------------------------------------------------------------------


def test_cancel_between_steps_keeps_engine_and_model(engine: EngineProcess) -> None:
    job = engine.start(act="busy", steps=1000, seconds=0.05)
    while engine.wait_for(PhaseProgress).step < 2:
        pass
    began = time.monotonic()
    engine.send(Cancel(job=job))
    assert engine.wait_for(Cancelled, Done, Failed) == Cancelled(job=job)
    assert time.monotonic() - began < 4
    assert engine.ping().resident == ("sample",)
    assert isinstance(engine.run(), Done)


def test_cancel_inside_a_step(engine: EngineProcess) -> None:
    """One step takes 20 blocks of 0.4 s, and nothing asks for a cancel between them but the guard."""
    assert isinstance(engine.run(), Done)
    job = engine.start(act="hook", seconds=0.4)
    while engine.wait_for(PhaseProgress).phase != "denoise":
        pass
    time.sleep(0.5)
    began = time.monotonic()
    engine.send(Cancel(job=job))
    assert engine.wait_for(Cancelled, Done, Failed) == Cancelled(job=job)
    assert time.monotonic() - began < 4
    assert isinstance(engine.run(act="hook", seconds=0.0), Done)  # the hooks are gone with the step


def test_cancel_of_a_job_that_waits(engine: EngineProcess) -> None:
    running = engine.start(act="busy", steps=1000, seconds=0.02)
    waiting = engine.start()
    engine.send(Cancel(job=waiting))
    engine.send(Cancel(job=waiting))
    assert engine.wait_for(Cancelled, Done, Failed) == Cancelled(job=waiting)  # it need not wait for its turn
    engine.send(Cancel(job=running))
    assert engine.wait_for(Cancelled, Done, Failed, timeout=10) == Cancelled(job=running)
    assert isinstance(engine.run(), Done)
    assert [message.job for message in engine.of(Started)] == ["job-" + str(int(waiting[4:]) + 1)]


def test_cancel_of_what_is_over_or_never_was_changes_nothing(engine: EngineProcess) -> None:
    assert isinstance(engine.run(), Done)
    engine.send(Cancel(job="job-1"))
    engine.send(Cancel(job="nonsense"))
    assert isinstance(engine.run(), Done)


def test_cancel_while_it_loads(start: Start) -> None:
    engine = start(SAMPLE_SLOW_LOAD="1")
    job = engine.start()
    while not engine.wait_for(PhaseProgress).fraction:
        pass
    engine.send(Cancel(job=job))
    assert engine.wait_for(Cancelled, Done, Failed, timeout=5) == Cancelled(job=job)
    assert engine.ping().resident == ()


def test_what_a_library_makes_of_a_cancel_is_still_a_cancel(engine: EngineProcess) -> None:
    job = engine.start(act="swallow", steps=1000, seconds=0.05)
    while engine.wait_for(PhaseProgress).step < 1:
        pass
    engine.send(Cancel(job=job))
    assert engine.wait_for(Cancelled, Done, Failed) == Cancelled(job=job)


# --- failures ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("act", "code", "retryable"),
    [
        ("ram", "oom.ram", True),
        ("nan", "output.suspect", True),
        ("flat", "output.suspect", True),
        ("exit", "internal", False),
        ("raise", "internal", False),
        ("connect", "internal", False),
    ],
)
def test_a_failure_has_its_code_and_the_next_job_runs(
    engine: EngineProcess, act: str, code: str, retryable: bool
) -> None:
    failure = engine.failure(act=act)
    assert (failure.code, failure.retryable, failure.poison) == (code, retryable, False)
    assert "Traceback" in failure.details
    assert isinstance(engine.run(), Done)


def test_running_out_of_memory_gives_the_model_s_back(engine: EngineProcess) -> None:
    assert engine.failure(act="ram").code == "oom.ram"
    assert engine.ping().resident == ()


def test_the_engine_never_goes_online(engine: EngineProcess) -> None:
    assert "OfflineError" in engine.failure(act="connect").values["reason"]


def test_a_missing_file_is_named(engine: EngineProcess, tmp_path: Path) -> None:
    model = ModelSource(id="poet", family="sample", path=str(tmp_path / "gone.safetensors"), title="Poet")
    failure = engine.failure(model=model)
    assert failure.code == "model.missing_file"
    assert failure.values["name"] == "Poet"
    assert "gone.safetensors" in failure.values["file"]


def test_a_broken_file_is_no_riddle(engine: EngineProcess, tmp_path: Path) -> None:
    path = tmp_path / "broken.safetensors"
    path.write_bytes(b"\x10\0\0\0\0\0\0\0{not json at all")
    failure = engine.failure(model=ModelSource(id="poet", family="sample", path=str(path), title="Poet"))
    assert (failure.code, failure.values["name"]) == ("model.hash_mismatch", "Poet")


@pytest.mark.parametrize("device", ["cuda:7", "xpu:0", "mps", "toaster"])
def test_a_device_that_is_not_there(engine: EngineProcess, device: str) -> None:
    failure = engine.failure(device=device)
    assert (failure.code, failure.values) == ("device.missing", {"device": device})


def test_auto_is_made_concrete(engine: EngineProcess) -> None:
    done = engine.run(device="auto")
    assert isinstance(done, Done)
    assert done.outcome.device == engine.of(Started)[0].device != "auto"


def test_poison_is_said(engine: EngineProcess) -> None:
    failure = engine.failure(act="poison")
    assert (failure.code, failure.poison) == ("device.lost", True)
    assert failure.values == {"device": "cpu"}
