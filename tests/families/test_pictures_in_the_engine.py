"""The picture families in a real engine process, as the studio runs them."""

from __future__ import annotations

import time
from pathlib import Path

import psutil
import pytest

from studio.wire.messages import Cancel, Cancelled, Done, Failed, PhaseProgress, Preview, Saved
from tests.engine.process import EngineProcess
from tests.fakes.tiny_diffusion import write_pipeline
from tests.families.jobs import PATIENCE, run, start
from tests.families.test_dcgan import write as write_dcgan

ICONS = Path(__file__).parents[2] / "assets" / "models" / "starter-icons"
WORDS = {"prompt": "red apple", "size": (64, 64)}


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dcgan(tmp_path_factory.mktemp("模型 models") / "faces")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pipeline(tmp_path_factory.mktemp("模型 models") / "tiny")


def test_the_bundled_model(engine: EngineProcess) -> None:
    done = run(engine, "stable_diffusion", ICONS, **WORDS, steps=3, count=2)
    assert isinstance(done, Done), engine.stderr
    assert [message.artifact.seed for message in engine.of(Saved)] == [1, 2]
    assert {(m.width, m.height) for m in engine.of(Preview)} == {(8, 8)}
    assert set(done.outcome.timings) == {"load", "encode", "denoise", "decode", "save", "total"}
    assert engine.ping().resident == ("stable_diffusion",)
    first = engine.of(Saved)[0].artifact
    assert isinstance(run(engine, "stable_diffusion", ICONS, **WORDS, steps=2), Done)
    again = engine.of(Saved)[0].artifact
    assert Path(again.path).read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert (again.width, again.height, again.seed) == (first.width, first.height, first.seed)


def test_faces(engine: EngineProcess, faces: Path) -> None:
    assert isinstance(run(engine, "dcgan", faces, count=3), Done), engine.stderr
    assert [message.artifact.index for message in engine.of(Saved)] == [0, 1, 2]


def test_a_cancelled_picture_leaves_the_engine_as_it_was(engine: EngineProcess, tiny: Path) -> None:
    values = {**WORDS, "prompt": "a"}
    assert isinstance(run(engine, "stable_diffusion", tiny, **values, steps=1), Done), engine.stderr
    job = start(engine, "stable_diffusion", tiny, **values, steps=150, count=16)
    while not engine.wait_for(PhaseProgress, timeout=PATIENCE).step:
        pass
    assert psutil.Process(engine.pid).net_connections("inet") == []
    asked = time.monotonic()
    engine.send(Cancel(job=job))
    assert isinstance(engine.wait_for(Done, Cancelled, Failed, timeout=PATIENCE), Cancelled)
    assert time.monotonic() - asked < 5
    assert engine.ping().resident == ("stable_diffusion",)
    assert isinstance(run(engine, "stable_diffusion", tiny, **values, steps=1), Done)
    assert not any(m.phase == "load" and m.fraction for m in engine.of(PhaseProgress))  # still there


def test_a_model_that_is_not_whole(engine: EngineProcess, tiny: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    for part in tiny.iterdir():
        if part.name != "unet":
            (broken / part.name).symlink_to(part)
    failed = run(engine, "stable_diffusion", broken, **WORDS)
    assert isinstance(failed, Failed)
    assert failed.failure.code == "model.missing_file"
    assert isinstance(run(engine, "stable_diffusion", tiny, **WORDS, steps=1), Done)
