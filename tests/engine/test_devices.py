"""One worker per device: they work at the same time, load one after another, and leave each other alone."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from studio.domain.model import ModelSource
from studio.wire.messages import (
    Cancel,
    Cancelled,
    Configure,
    Done,
    Failed,
    PhaseProgress,
    Shutdown,
    Started,
    Unload,
)
from tests.engine.process import EngineProcess

Start = Callable[..., EngineProcess]
BOTH_ORDERS = pytest.mark.parametrize("devices", [("cpu", "cuda:0"), ("cuda:0", "cpu")])


@pytest.fixture
def two(start: Start) -> EngineProcess:
    return start(module="tests.engine.with_devices")


def plain(engine: EngineProcess, device: str, **values: Any) -> str:
    return engine.start(family="plain", device=device, **values)


def endings(engine: EngineProcess, count: int) -> dict[str, type]:
    """How the next *count* jobs to end did."""
    ended = [engine.wait_for(Done, Cancelled, Failed) for _ in range(count)]
    return {message.job: type(message) for message in ended}


def at_work(engine: EngineProcess, *jobs: str) -> None:
    """Until each of *jobs* is past loading."""
    missing = set(jobs)
    while missing:
        message = engine.wait_for(PhaseProgress)
        if message.phase == "denoise":
            missing.discard(message.job)


@BOTH_ORDERS
def test_two_devices_work_at_the_same_time(two: EngineProcess, devices: tuple[str, str]) -> None:
    jobs = [plain(two, device, act="meet") for device in devices]
    assert endings(two, 2) == dict.fromkeys(jobs, Done)
    assert {message.job: message.device for message in two.of(Started)} == dict(
        zip(jobs, devices, strict=True)
    )


def test_one_device_works_on_one_job_at_a_time_in_order(two: EngineProcess) -> None:
    """Also when one asks for it by name and another gets it as "auto"."""
    jobs = [plain(two, device, steps=5) for device in ("cuda:0", "auto", "cuda:0", "auto")]
    assert list(endings(two, 4).items()) == [(job, Done) for job in jobs]
    story = [(type(m), m.job) for m in two.messages if isinstance(m, Started | Done)]
    assert story == [(kind, job) for job in jobs for kind in (Started, Done)]
    assert {message.device for message in two.of(Started)} == {"cuda:0"}


def test_models_load_one_after_another(start: Start) -> None:
    """The family itself fails when two load at once."""
    engine = start(module="tests.engine.with_devices", PLAIN_LOAD="0.3")
    jobs = [plain(engine, device, act="rest") for device in ("cpu", "cuda:0", "cuda:1")]
    assert endings(engine, 3) == dict.fromkeys(jobs, Done)


def test_who_waits_to_load_can_be_cancelled(start: Start) -> None:
    engine = start(module="tests.engine.with_devices", PLAIN_LOAD="5")
    loads = plain(engine, "cuda:0")
    while engine.wait_for(PhaseProgress).fraction != 0.5:
        pass
    waits = plain(engine, "cpu")
    while engine.wait_for(Started).job != waits:
        pass
    assert engine.ping().jobs == (loads, waits)
    engine.send(Cancel(job=waits))
    assert engine.wait_for(Cancelled, Done, Failed) == Cancelled(job=waits)
    assert endings(engine, 1) == {loads: Done}


@BOTH_ORDERS
def test_cancel_of_one_leaves_the_other_at_work(two: EngineProcess, devices: tuple[str, str]) -> None:
    stops = plain(two, devices[0], steps=10_000)
    goes_on = plain(two, devices[1], steps=10_000)
    at_work(two, stops, goes_on)
    assert two.ping().jobs == (stops, goes_on)
    two.send(Cancel(job=stops))
    assert two.wait_for(Cancelled, Done, Failed) == Cancelled(job=stops)
    assert two.ping().jobs == (goes_on,)
    assert two.ping().resident == ("plain", "plain")
    two.send(Cancel(job=goes_on))
    assert two.wait_for(Cancelled, Done, Failed) == Cancelled(job=goes_on)


@BOTH_ORDERS
def test_failure_of_one_leaves_the_other_at_work(two: EngineProcess, devices: tuple[str, str]) -> None:
    goes_on = plain(two, devices[0], steps=50, seconds=0.02)
    at_work(two, goes_on)
    fails = plain(two, devices[1], act="fail")
    missing = plain(two, "cuda:9")
    assert endings(two, 2) == {fails: Failed, missing: Failed}
    assert two.ping().jobs == (goes_on,)
    assert endings(two, 1) == {goes_on: Done}


def test_unload_forgets_the_models_of_the_idle_device_only(two: EngineProcess) -> None:
    small = ModelSource(id="small", family="plain")
    plain(two, "cuda:0", model=small)
    assert len(endings(two, 1)) == 1
    job = plain(two, "cpu", steps=10_000)
    at_work(two, job)
    assert sorted(two.ping().resident) == ["plain", "small"]
    two.send(Unload())
    resident(two, ("plain",))
    two.send(Cancel(job=job))
    assert endings(two, 1) == {job: Cancelled}


def test_each_device_forgets_by_itself_what_is_not_used(two: EngineProcess) -> None:
    two.send(Configure(idle_unload_seconds=0.5))
    plain(two, "cuda:1", model=ModelSource(id="small", family="plain"))  # a worker made after that
    assert len(endings(two, 1)) == 1
    job = plain(two, "cpu", steps=10_000)
    at_work(two, job)
    resident(two, ("plain",))
    two.send(Cancel(job=job))
    assert endings(two, 1) == {job: Cancelled}
    resident(two, ())


def resident(engine: EngineProcess, models: tuple[str, ...]) -> None:
    deadline = time.monotonic() + 20
    while (pong := engine.ping()).resident != models:
        assert time.monotonic() < deadline, pong
        time.sleep(0.02)


def test_it_leaves_while_both_work(two: EngineProcess) -> None:
    jobs = [plain(two, device, steps=10_000) for device in ("cpu", "cuda:0")]
    at_work(two, *jobs)
    two.send(Shutdown())
    assert two.exit_code() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_job_for_the_processor_brings_no_torch_in(start: Start) -> None:
    engine = start()
    plain(engine, "cpu")
    assert isinstance(engine.wait_for(Done, Failed), Done)
    maps = Path(f"/proc/{engine.pid}/maps")
    assert "libtorch" not in maps.read_text()
    plain(engine, "auto")
    assert isinstance(engine.wait_for(Done, Failed), Done)
    assert "libtorch" in maps.read_text()


def test_while_one_imports_torch_another_works_and_pings_are_answered(start: Start) -> None:
    """The import takes seconds and sets the process up; a job that needs none of it is done meanwhile."""
    engine = start()
    warm = plain(engine, "cpu")
    assert endings(engine, 1) == {warm: Done}
    works = plain(engine, "cpu", steps=100, seconds=0.02)
    at_work(engine, works)
    auto = plain(engine, "auto")
    assert works in engine.ping().jobs
    assert endings(engine, 2) == {works: Done, auto: Done}
