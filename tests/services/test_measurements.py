"""What the micro-benchmark found: kept, found again, known to be old; and taken by the fake engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from studio.domain.failure import Cancelled, StudioError
from studio.domain.job import JobState
from studio.domain.machine import Accelerator, Cpu, Machine, Ram
from studio.domain.measurement import FORMAT, Measurements
from studio.families.registry import versions
from studio.services import studio as composition
from studio.services.engine.supervisor import EngineState
from studio.services.measurements import MeasurementStore, choose, name_of, stale
from studio.services.measuring import End
from studio.services.paths import Paths
from studio.services.studio import Studio
from studio.wire.messages import DeviceState, Measure
from tests.fakes.fake_engine import measurements
from tests.services.engines import command, until
from tests.services.test_studio import drawing

MACHINE = Machine(
    cpu=Cpu(name="Fast One", physical_cores=4, logical_cores=8),
    ram=Ram(total_bytes=8 * 10**9, available_bytes=6 * 10**9),
    disks=(),
    accelerators=(Accelerator(kind="cuda", vendor="NVIDIA", name="RTX 1", device="cuda:0"),),
    os="",
    python="",
)


def found(device: str = "cpu", **changes: Any) -> Measurements:
    message = Measure(job="m", device=device, name=name_of(MACHINE, device), folder="", seconds=1)
    return msgspec.structs.replace(measurements(message), **changes)


def test_what_was_kept_is_found_again(tmp_path: Path) -> None:
    store = MeasurementStore(tmp_path / "not there yet")
    assert store.load("cpu", MACHINE) is None
    on_cpu, on_gpu = found(), found("cuda:0")
    for one in (on_cpu, on_gpu):
        store.save(one)
    again = MeasurementStore(tmp_path / "not there yet")
    assert again.load("cpu", MACHINE) == on_cpu
    assert again.load("cuda:0", MACHINE) == on_gpu
    assert again.load("cuda:1", MACHINE) is None


def test_measuring_again_replaces_what_was_kept(tmp_path: Path) -> None:
    store = MeasurementStore(tmp_path)
    store.save(found(taken=1.0))
    store.save(found(taken=2.0))
    assert [file.suffix for file in tmp_path.iterdir()] == [".json"]
    kept = store.load("cpu", MACHINE)
    assert kept is not None
    assert kept.taken == 2.0


BUSY_ONES = ({"throttled": True}, {"details": {"others": 0.4}})


@pytest.mark.parametrize("trouble", BUSY_ONES)
def test_doubtful_figures_do_not_replace_sound_ones(tmp_path: Path, trouble: dict[str, Any]) -> None:
    store = MeasurementStore(tmp_path)
    store.save(found(taken=1.0, **trouble))
    store.save(found(taken=2.0, **trouble))  # better than nothing, and newer
    assert (store.load("cpu", MACHINE) or found()).taken == 2.0
    store.save(found(taken=3.0, details={"others": 0.05}))
    store.save(found(taken=4.0, **trouble))
    assert (store.load("cpu", MACHINE) or found()).taken == 3.0
    store.save(found(taken=5.0))
    assert (store.load("cpu", MACHINE) or found()).taken == 5.0


def test_doubtful_figures_replace_sound_ones_that_do_not_hold_any_more(tmp_path: Path) -> None:
    store = MeasurementStore(tmp_path)
    store.save(found(taken=1.0, versions={**versions(), "numpy": "1.0"}))
    store.save(found(taken=2.0, throttled=True))
    assert (store.load("cpu", MACHINE) or found()).taken == 2.0


def test_another_build_is_kept_beside_and_the_fitting_one_comes_first(tmp_path: Path) -> None:
    store = MeasurementStore(tmp_path)
    other = found(versions={**versions(), "torch": "1.0"}, taken=9.0)
    store.save(found(taken=1.0))
    store.save(other)
    assert len(list(tmp_path.iterdir())) == 2
    kept = store.load("cpu", MACHINE)
    assert kept is not None
    assert kept.taken == 1.0
    next(file for file in tmp_path.iterdir() if b'"1.0"' not in file.read_bytes()).unlink()
    assert store.load("cpu", MACHINE) == other  # better than nothing


def test_what_another_process_measured_is_seen(tmp_path: Path) -> None:
    store = MeasurementStore(tmp_path)
    assert store.load("cpu", MACHINE) is None
    MeasurementStore(tmp_path).save(found(taken=3.0))
    kept = store.load("cpu", MACHINE)
    assert kept is not None
    assert kept.taken == 3.0
    assert store.load("cpu", MACHINE) is kept  # not read again for nothing


def test_figures_are_old_when_the_computer_or_a_library_has_changed() -> None:
    assert not stale(found(), MACHINE)
    assert not stale(found("cuda:0"), MACHINE)
    fewer = msgspec.structs.replace(MACHINE, cpu=msgspec.structs.replace(MACHINE.cpu, logical_cores=2))
    assert stale(found(), fewer)
    assert not stale(found(), msgspec.structs.replace(MACHINE, accelerators=()))
    assert stale(found("cuda:0"), msgspec.structs.replace(MACHINE, accelerators=()))
    assert stale(found(versions={**versions(), "torch": "1.0"}), MACHINE)
    assert stale(found(versions={}), MACHINE)


@pytest.mark.logs
def test_a_file_that_cannot_be_read_is_as_good_as_none(tmp_path: Path) -> None:
    file = MeasurementStore(tmp_path).save(found())
    file.write_bytes(file.read_bytes()[:100])
    store = MeasurementStore(tmp_path)
    assert store.load("cpu", MACHINE) is None
    store.save(found())
    assert store.load("cpu", MACHINE) is not None


def test_figures_of_another_format_are_not_used(tmp_path: Path) -> None:
    store = MeasurementStore(tmp_path)
    store.save(found(format=FORMAT + 1))
    assert store.load("cpu", MACHINE) is None


def test_the_device_that_is_measured() -> None:
    cpu = DeviceState(device="cpu", name="CPU", usable=True)
    gpu = DeviceState(device="cuda:0", name="GPU", usable=True)
    broken = DeviceState(device="cuda:1", name="GPU", usable=False, reason="no kernels")
    assert choose((cpu, gpu), "auto") == gpu
    assert choose((cpu, broken), "auto") == cpu
    assert choose((cpu, gpu), "cpu") == cpu
    for wanted in ("cuda:1", "cuda:2"):
        with pytest.raises(StudioError) as raised:
            choose((cpu, gpu, broken), wanted)
        assert raised.value.failure.code == "device.missing"


# --- by the engine ------------------------------------------------------------------------------

Progress = list[tuple[str, float]]
Open = Callable[..., Any]


@pytest.fixture
def open_studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Open:
    @asynccontextmanager
    async def opened(**script: Any) -> AsyncIterator[Studio]:
        monkeypatch.setattr(
            composition, "engine_command", lambda: command(tmp_path, measure=script, jobs={"": {}})
        )
        studio = Studio(Paths.under(tmp_path / "家 home").create())
        await studio.start()
        try:
            yield studio
        finally:
            await studio.close()
            left = [*studio.library.folder.glob(".bench-*")]
            assert not left, f"the benchmark left {left}"

    return opened


def kept(studio: Studio) -> list[Path]:
    return list((studio.paths.data / "measurements").glob("*"))


async def test_what_the_engine_finds_is_kept(open_studio: Open) -> None:
    async with open_studio() as studio:
        heard: Progress = []
        taken = await studio.measure("auto", lambda section, done: heard.append((section, done)))
        assert [section for section, _ in heard] == ["load", "nets", "disk"]
        assert [done for _, done in heard] == sorted(done for _, done in heard)
        machine = await studio.read_machine()
        assert taken.device == "cpu"
        assert studio.measurements.load("cpu", machine) == taken
        assert not stale(taken, machine)


async def test_a_measurement_that_is_stopped_keeps_nothing(open_studio: Open) -> None:
    async with open_studio(second=0.2) as studio:
        heard: Progress = []
        work = asyncio.ensure_future(studio.measure("cpu", lambda *one: heard.append(one)))
        await until(lambda: heard)
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        assert kept(studio) == []
        assert studio.engine.state is EngineState.READY


@pytest.mark.parametrize("second", [0.2, 600], ids=["it stops", "it has to be ended"])
async def test_a_job_goes_first(open_studio: Open, second: float) -> None:
    async with open_studio(second=second) as studio:
        heard: Progress = []
        work = asyncio.ensure_future(studio.measure("cpu", lambda *one: heard.append(one)))
        await until(lambda: heard)
        job = studio.queue.submit(drawing(studio))
        with pytest.raises(Cancelled):
            await work
        done = await studio.queue.wait(job.id)
        assert done.state is JobState.DONE
        assert kept(studio) == []


async def test_it_waits_for_a_job_under_way(open_studio: Open) -> None:
    async with open_studio() as studio:
        job = studio.queue.submit(drawing(studio))
        while not (now := studio.queue.job(job.id)).state.ended and now.progress is None:
            await asyncio.sleep(
                0.005
            )  # only in the engine is it under way; one that comes later ends a measuring
        taken = await studio.measure("cpu", lambda *_: None)
        assert (await studio.queue.wait(job.id)).state is JobState.DONE
        assert kept(studio)
        assert taken.device == "cpu"


@pytest.mark.logs
async def test_an_engine_that_dies_of_it_is_a_failure_with_a_reason(open_studio: Open) -> None:
    async with open_studio(fault="segv") as studio:
        with pytest.raises(StudioError) as raised:
            await studio.measure("cpu", lambda *_: None)
        assert raised.value.failure.code == "engine.crashed"
        assert kept(studio) == []


async def test_a_failure_is_the_engine_s(open_studio: Open) -> None:
    async with open_studio(failure={"code": "oom.ram"}) as studio:
        with pytest.raises(StudioError) as raised:
            await studio.measure("cpu", lambda *_: None)
        assert raised.value.failure.code == "oom.ram"
        assert kept(studio) == []


# --- as the window does it ----------------------------------------------------------------------


def watched(studio: Studio) -> list[tuple[bool, str]]:
    told: list[tuple[bool, str]] = []
    studio.measuring.changed.connect(lambda state: told.append((state.running, state.section)))
    return told


async def test_measuring_is_watched_and_kept(open_studio: Open) -> None:
    async with open_studio() as studio:
        told = watched(studio)
        studio.measuring.start()
        studio.measuring.start()  # a second click changes nothing
        await until(lambda: not studio.measuring.state.running)
        assert studio.measuring.state.end is End.DONE
        assert [section for running, section in told if running] == ["load", "load", "nets", "disk"]
        assert studio.measurements.load("cpu", studio.machine) is not None


async def test_a_busy_computer_is_told_of(open_studio: Open) -> None:
    async with open_studio(others=0.4) as studio:
        studio.measuring.start()
        await until(lambda: not studio.measuring.state.running)
        assert studio.measuring.state.end is End.DOUBTFUL
        assert studio.measurements.load("cpu", studio.machine) is not None


async def test_measuring_is_stopped_by_the_user_and_by_a_job(open_studio: Open) -> None:
    async with open_studio(second=0.3) as studio:
        studio.measuring.start()
        await until(lambda: studio.measuring.state.section == "nets")
        studio.measuring.stop()
        studio.measuring.stop()
        await until(lambda: not studio.measuring.state.running)
        assert studio.measuring.state.end is End.STOPPED
        studio.measuring.start()
        await until(lambda: studio.measuring.state.section == "nets")
        job = studio.queue.submit(drawing(studio))
        assert (await studio.queue.wait(job.id)).state is JobState.DONE
        await until(lambda: not studio.measuring.state.running)
        assert studio.measuring.state.end is End.JOB
        assert studio.measurements.load("cpu", studio.machine) is None


async def test_measuring_that_fails_says_why(open_studio: Open) -> None:
    failure = {"code": "oom.ram", "values": {}}
    async with open_studio(failure=failure) as studio:
        studio.measuring.start()
        await until(lambda: not studio.measuring.state.running)
        assert studio.measuring.state.end is End.FAILED
        assert studio.measuring.state.failure.code == "oom.ram"


async def test_a_studio_that_closes_ends_measuring(open_studio: Open) -> None:
    async with open_studio(second=0.3) as studio:
        studio.measuring.start()
        await until(lambda: studio.measuring.state.section == "nets")
    assert studio.measuring.state.end is End.STOPPED
