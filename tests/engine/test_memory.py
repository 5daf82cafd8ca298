"""Models stay while they are used, and their memory comes back when they are not."""

from __future__ import annotations

import time

import numpy as np
import pytest
from safetensors.numpy import save_file

from studio.domain.model import ModelSource
from studio.wire.messages import Configure, Done, PhaseProgress, Unload
from tests.engine.process import EngineProcess

MEGABYTE = 2**20


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelSource:
    """192 MB of weights in pieces of many sizes, as a real model's are."""
    rng = np.random.default_rng(0)
    sizes = [2**n for n in range(10, 25)] * 6
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    save_file(
        {f"t{n}": rng.standard_normal(size // 4, dtype=np.float32) for n, size in enumerate(sizes)}, path
    )
    return ModelSource(id="big", family="sample", path=str(path), bytes=path.stat().st_size, title="Big")


@pytest.fixture
def idle(engine: EngineProcess) -> EngineProcess:
    """The shared engine: its libraries are imported, no model is in memory, and none goes by itself."""
    engine.send(Configure(idle_unload_seconds=0))
    assert isinstance(engine.run(), Done)  # its imports, and a model of no size
    engine.send(Unload())
    settled(engine, ())
    return engine


def settled(engine: EngineProcess, resident: tuple[str, ...]) -> int:
    """Resident memory once *resident* are the loaded models."""
    deadline = time.monotonic() + 30
    while (pong := engine.ping()).resident != resident or pong.jobs:
        assert time.monotonic() < deadline, pong
        time.sleep(0.02)
    return pong.ram_bytes


def test_memory_comes_back_after_idle_unload_five_times(idle: EngineProcess, model: ModelSource) -> None:
    engine, imported = idle, settled(idle, ())
    engine.send(Configure(idle_unload_seconds=0.3))
    after = []
    for _ in range(5):
        done = engine.run(model=model)
        assert isinstance(done, Done)
        assert done.outcome.peak.ram_bytes > imported + 0.9 * model.bytes
        after.append(settled(engine, ()))
    assert max(after) <= imported + model.bytes // 10
    assert after[-1] - after[0] <= 5 * MEGABYTE


def test_another_model_takes_the_place_of_the_first(idle: EngineProcess, model: ModelSource) -> None:
    engine = idle
    assert isinstance(engine.run(), Done)
    small = engine.ping().ram_bytes
    assert isinstance(engine.run(model=model), Done)
    assert engine.ping().resident == ("big",)
    assert engine.ping().ram_bytes > small + 0.9 * model.bytes
    assert isinstance(engine.run(), Done)
    assert engine.ping().resident == ("sample",)
    assert engine.ping().ram_bytes < small + 0.2 * model.bytes


def test_unload_waits_for_nobody_and_disturbs_nobody(idle: EngineProcess) -> None:
    engine = idle
    job = engine.start(act="busy", steps=20, seconds=0.02)
    while engine.wait_for(PhaseProgress).phase != "denoise":
        pass
    engine.send(Unload())
    assert engine.wait_for(Done).job == job
    assert engine.ping().resident == ("sample",)
    engine.send(Unload())
    settled(engine, ())


def test_the_peak_is_the_job_s_own(idle: EngineProcess, model: ModelSource) -> None:
    engine = idle
    big = engine.run(model=model)
    engine.send(Unload())
    settled(engine, ())
    small = engine.run()
    assert isinstance(big, Done)
    assert isinstance(small, Done)
    assert small.outcome.peak.ram_bytes < big.outcome.peak.ram_bytes - 0.5 * model.bytes


def test_a_model_in_use_is_not_idle(idle: EngineProcess) -> None:
    engine = idle
    engine.send(Configure(idle_unload_seconds=0.5))
    assert isinstance(engine.run(act="busy", steps=60, seconds=0.02), Done)
    assert engine.ping().resident == ("sample",)
    settled(engine, ())
    engine.send(Configure(idle_unload_seconds=0))
    assert isinstance(engine.run(), Done)
    time.sleep(1.0)
    assert engine.ping().resident == ("sample",)
