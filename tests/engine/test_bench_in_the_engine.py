"""The micro-benchmark as the studio asks for it: a message to a real engine."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from studio.diffusion import computing
from studio.wire.messages import Cancel, Cancelled, Failed, Measure, Measured, PhaseProgress, Started
from tests.engine.process import EngineProcess
from tests.engine.test_bench import check_sane

Start = Callable[..., EngineProcess]


def ask(engine: EngineProcess, folder: Path, *, seconds: float, device: str = "cpu") -> None:
    engine.send(Measure(job="m", device=device, name="this one", folder=str(folder), seconds=seconds))


@pytest.mark.timeout(600)
def test_with_no_time_at_all_it_still_says_what_it_could(start: Start, tmp_path: Path) -> None:
    engine = start()
    ask(engine, tmp_path, seconds=0.0)
    found = engine.wait_for(Measured, Failed, timeout=300)
    assert isinstance(found, Measured), engine.stderr
    assert engine.of(Started)[0].device == "cpu"
    measurements = found.measurements
    check_sane(measurements)
    assert (measurements.device, measurements.name) == ("cpu", "this one")
    assert measurements.versions["torch"]
    assert measurements.details["skipped"]
    fractions = [message.fraction for message in engine.of(PhaseProgress)]
    assert fractions == sorted(fractions)
    assert fractions[0] == 0.0
    assert list(tmp_path.glob("*.gguf")) == []


def test_it_stops_when_asked_and_the_engine_goes_on(start: Start, tmp_path: Path) -> None:
    engine = start()
    ask(engine, tmp_path, seconds=600.0)
    while engine.wait_for(PhaseProgress).phase != "nets":
        pass
    began = time.monotonic()
    engine.send(Cancel(job="m"))
    assert engine.wait_for(Measured, Cancelled, Failed) == Cancelled(job="m")
    assert time.monotonic() - began < 20
    assert engine.ping().jobs == ()


@pytest.mark.heavy
@pytest.mark.timeout(900)
def test_the_compiler_is_tried_when_asked(start: Start, tmp_path: Path) -> None:
    """Where there is one it compiles; where there is none, the library's own words say so."""
    engine = start()
    message = Measure(job="m", device="cpu", name="", folder=str(tmp_path), seconds=0.0, compiler=True)
    engine.send(message)
    found = engine.wait_for(Measured, Failed, timeout=600)
    assert isinstance(found, Measured), engine.stderr
    compiler = found.measurements.compiler
    assert compiler is not None
    if computing.no_compiler("cpu"):
        assert compiler.reason
    else:
        assert compiler.reason == ""
        assert 0.1 < compiler.ratio < 10
        assert compiler.seconds > 0


def test_a_device_that_is_not_there(start: Start, tmp_path: Path) -> None:
    engine = start()
    ask(engine, tmp_path, seconds=1.0, device="cuda:77")
    failed = engine.wait_for(Measured, Failed)
    assert isinstance(failed, Failed)
    assert failed.failure.code == "device.missing"


@pytest.mark.heavy
@pytest.mark.timeout(900)
def test_all_of_it_on_this_computer(start: Start, tmp_path: Path) -> None:
    """A minute on an idle computer; the limit here is for one that is not."""
    engine = start()
    began = time.monotonic()
    ask(engine, tmp_path, seconds=52.0)
    found = engine.wait_for(Measured, Failed, timeout=600)
    assert isinstance(found, Measured), engine.stderr
    assert time.monotonic() - began < 180
    check_sane(found.measurements)
    for rates in found.measurements.rates:
        linear = dict(rates.linear)
        if {1.0, 1024.0} <= linear.keys():
            assert linear[1.0] < linear[1024.0] < 1024 * linear[1.0]
