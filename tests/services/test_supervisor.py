"""The supervisor against an engine that misbehaves in every way: a real process, frames and signals."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from studio.domain.failure import Cancelled, StudioError
from studio.domain.text import catalogue
from studio.services.engine.running import Limits
from studio.services.engine.supervisor import Engine, EngineState
from studio.wire.messages import Configure, FromEngine, PhaseProgress, Pong, Preview, Saved, TextDelta
from tests.services.engines import QUICK, command, journal, run_message, until

PHASES = ("load", "encode", "draw", "decode", "save")
REASONS = {
    "segv": "engine.reason.fault",
    "abort": "engine.reason.aborted",
    "sigkill": "engine.reason.killed",
    "exit": "engine.reason.exited",
    "hang": "engine.reason.hung",
    "garbage": "engine.reason.garbage",
    "huge": "engine.reason.garbage",
    "flood": "engine.reason.hung",
    "mute": "engine.reason.hung",
}
FOREVER: dict[str, Any] = {"seconds": {"draw": 600}}


@asynccontextmanager
async def engine_in(folder: Path, limits: Limits = QUICK, **script: Any) -> AsyncIterator[Engine]:
    engine = Engine(command(folder, **script), folder / "engine.log", limits)
    try:
        yield engine
    finally:
        pids = {pid for pid, _ in journal(folder)}
        await engine.close()
        assert not any(alive(pid) for pid in pids), "an engine outlived its studio"


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def nothing(message: FromEngine, blob: bytes) -> None:
    pass


async def failure_of(work: Awaitable[Any]) -> StudioError:
    with pytest.raises(StudioError) as caught:
        await work
    return caught.value


async def test_a_job_is_done_and_everything_about_it_is_heard(tmp_path: Path) -> None:
    heard: list[tuple[FromEngine, bytes]] = []
    async with engine_in(tmp_path) as engine:
        assert engine.state is EngineState.OFF
        message = run_message(tmp_path, text=["a", "b"], preview=True, save=True)
        outcome = await engine.run(message, lambda message, blob: heard.append((message, blob)))
        assert engine.state is EngineState.READY
    assert outcome.timings["total"] > 0
    messages = [message for message, _ in heard]
    assert [m.text for m in messages if isinstance(m, TextDelta)] == ["a", "b"]
    assert [m.phase for m in messages if isinstance(m, PhaseProgress) and m.step == 0] == list(PHASES)
    assert all(len(blob) == 12 for m, blob in heard if isinstance(m, Preview))
    (saved,) = [m for m in messages if isinstance(m, Saved)]
    assert saved.artifact.path == str(tmp_path / "outputs" / "one.txt")
    assert (tmp_path / "outputs" / "one.txt").read_text() == "one"


async def test_nothing_is_started_before_it_is_needed_and_one_process_does_many_jobs(tmp_path: Path) -> None:
    async with engine_in(tmp_path) as engine:
        await asyncio.sleep(0.05)
        assert engine.state is EngineState.OFF
        for job in ("one", "two", "three"):
            await engine.run(run_message(tmp_path, job), nothing)
    ran = journal(tmp_path)
    assert [job for _, job in ran] == ["one", "two", "three"]
    assert len({pid for pid, _ in ran}) == 1


@pytest.mark.logs
@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("fault", REASONS)
async def test_e1_whatever_happens_to_the_engine_the_job_says_why_and_the_next_one_runs(
    tmp_path: Path, fault: str, phase: str
) -> None:
    late = 0.0
    async with engine_in(tmp_path) as engine:
        await engine.devices()  # its start is not what is measured
        failed = asyncio.ensure_future(
            failure_of(engine.run(run_message(tmp_path, fault=fault, at=phase), nothing))
        )
        while not failed.done():  # the loop that is also the window's
            asked = time.perf_counter()
            await asyncio.sleep(0.01)
            late = max(late, time.perf_counter() - asked - 0.01)
        error = failed.result()
        assert error.failure.code == "engine.crashed"
        assert error.failure.values["reason"] == REASONS[fault]
        assert error.failure.retryable
        outcome = await engine.run(run_message(tmp_path, "two"), nothing)
        assert outcome.timings["total"] > 0
    pids = [pid for pid, _ in journal(tmp_path)]
    assert pids[0] != pids[1]
    assert late < 1, f"the loop stood still for {late:.3f} s"


def test_every_reason_has_words() -> None:
    assert catalogue("en").keys() >= {*REASONS.values(), "engine.reason.silent", "engine.reason.version"}


@pytest.mark.logs
async def test_last_words_are_kept_and_logged(tmp_path: Path) -> None:
    async with engine_in(tmp_path) as engine:
        error = await failure_of(engine.run(run_message(tmp_path, fault="segv", at="draw"), nothing))
    assert "Fatal Python error: Segmentation fault" in error.failure.details
    assert "signal 11" in error.failure.details
    assert "Segmentation fault" in (tmp_path / "engine.log").read_text()


@pytest.mark.logs
@pytest.mark.parametrize(
    ("fault", "reason"), [("quiet", "engine.reason.exited"), ("torn", "engine.reason.fault")]
)
async def test_an_end_inside_a_frame_or_without_a_word(tmp_path: Path, fault: str, reason: str) -> None:
    async with engine_in(tmp_path) as engine:
        error = await failure_of(engine.run(run_message(tmp_path, fault=fault, at="draw"), nothing))
        assert error.failure.values == {"reason": reason}


@pytest.mark.logs
async def test_a_kill_under_memory_pressure_is_told_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 0
    monkeypatch.setattr("studio.services.engine.endings.Pressure._count", lambda self: count)
    async with engine_in(tmp_path) as engine:
        await engine.devices()
        count = 1
        error = await failure_of(engine.run(run_message(tmp_path, fault="sigkill", at="load"), nothing))
        assert error.failure.code == "oom.ram"
        error = await failure_of(engine.run(run_message(tmp_path, fault="sigkill", at="load"), nothing))
        assert error.failure.code == "engine.crashed"


async def test_the_engine_s_own_failure_is_the_job_s_and_it_lives_on(tmp_path: Path) -> None:
    failure = {"code": "oom.gpu", "details": "tried to allocate"}
    async with engine_in(tmp_path) as engine:
        error = await failure_of(engine.run(run_message(tmp_path, failure=failure), nothing))
        assert (error.failure.code, error.failure.details) == ("oom.gpu", "tried to allocate")
        await engine.run(run_message(tmp_path), nothing)
    assert len({pid for pid, _ in journal(tmp_path)}) == 1


async def test_a_poisoned_engine_is_replaced_before_the_next_job(tmp_path: Path) -> None:
    failure = {"code": "device.lost", "values": {"device": "cuda:0"}, "poison": True}
    async with engine_in(tmp_path) as engine:
        error = await failure_of(engine.run(run_message(tmp_path, failure=failure), nothing))
        assert error.failure.code == "device.lost"
        await engine.run(run_message(tmp_path, "two"), nothing)
    (first, _), (second, _) = journal(tmp_path)
    assert first != second


async def test_an_engine_that_says_it_is_broken_is_replaced(tmp_path: Path) -> None:
    async with engine_in(tmp_path) as engine:
        error = await failure_of(engine.run(run_message(tmp_path, fault="own", at="draw"), nothing))
        assert error.failure.code == "internal"
        await engine.run(run_message(tmp_path, "two"), nothing)


# --- cancel -------------------------------------------------------------------------------------


async def started(
    engine: Engine, folder: Path, phase: str, *, name: str = "one", device: str = "auto", **script: Any
) -> asyncio.Future[Any]:
    """A job that has reached *phase*."""
    phases: list[str] = []

    def listen(message: FromEngine, blob: bytes) -> None:
        if isinstance(message, PhaseProgress):
            phases.append(message.phase)

    job = asyncio.ensure_future(engine.run(run_message(folder, name, device=device, **script), listen))
    await until(lambda: phase in phases)
    return job


async def test_cancel_ends_the_job_and_keeps_the_engine(tmp_path: Path) -> None:
    async with engine_in(tmp_path, Limits()) as engine:
        job = await started(engine, tmp_path, "draw", steps={"load": 1, "draw": 10_000})
        began = time.monotonic()
        engine.cancel("one")
        engine.cancel("one")
        with pytest.raises(Cancelled):
            await job
        assert time.monotonic() - began < 2
        engine.cancel("one")
        await engine.run(run_message(tmp_path, "two"), nothing)
    assert len({pid for pid, _ in journal(tmp_path)}) == 1


@pytest.mark.parametrize("phase", ["load", "draw"])
async def test_a_job_that_does_not_stop_is_ended_with_its_engine(tmp_path: Path, phase: str) -> None:
    limits = msgspec.structs.replace(QUICK, missed_pings=10_000, idle_load=10_000, ping=0.05, cancel=0.3)
    async with engine_in(tmp_path, limits) as engine:
        job = await started(engine, tmp_path, phase, ignore_cancel=True, seconds={phase: 600})
        engine.cancel("one")
        with pytest.raises(Cancelled):
            await job
        await engine.run(run_message(tmp_path, "two"), nothing)
    assert len({pid for pid, _ in journal(tmp_path)}) == 2


async def test_slow_steps_are_given_time_to_stop(tmp_path: Path) -> None:
    """Twice the usual step, when that is more than the least."""
    limits = msgspec.structs.replace(QUICK, cancel=0.1)
    async with engine_in(tmp_path, limits) as engine:
        job = await started(engine, tmp_path, "draw", steps={"draw": 50}, seconds={"draw": 0.6})
        await asyncio.sleep(1.3)  # two steps
        engine.cancel("one")
        with pytest.raises(Cancelled):
            await job
        await engine.run(run_message(tmp_path, "two"), nothing)
    assert len({pid for pid, _ in journal(tmp_path)}) == 1


async def test_cancel_while_the_engine_starts_does_not_wait_for_it(tmp_path: Path) -> None:
    async with engine_in(tmp_path, ready=5) as engine:
        job = asyncio.ensure_future(engine.run(run_message(tmp_path), nothing))
        await until(lambda: engine.state is EngineState.STARTING)
        engine.cancel("one")
        began = time.monotonic()
        with pytest.raises(Cancelled):
            await job
        assert time.monotonic() - began < 1
    assert journal(tmp_path) == []


async def test_a_crash_while_cancelling_is_a_cancelled_job(tmp_path: Path) -> None:
    async with engine_in(tmp_path) as engine:
        job = await started(engine, tmp_path, "draw", ignore_cancel=True, **FOREVER)
        engine.cancel("one")
        os.kill(journal(tmp_path)[0][0], signal.SIGSEGV)
        with pytest.raises(Cancelled):
            await job


# --- start and end ------------------------------------------------------------------------------


@pytest.mark.logs
async def test_a_start_that_fails_is_tried_again(tmp_path: Path) -> None:
    async with engine_in(tmp_path, starts=["exit", "segv", "fine"]) as engine:
        await engine.run(run_message(tmp_path), nothing)
        assert engine.failure is None


@pytest.mark.logs
async def test_an_engine_that_never_starts_is_said_with_its_last_words(tmp_path: Path) -> None:
    states: list[EngineState] = []
    async with engine_in(tmp_path, starts=["exit", "exit", "exit", "fine"]) as engine:
        engine.changed.connect(states.append)
        error = await failure_of(engine.run(run_message(tmp_path), nothing))
        assert error.failure.code == "engine.unstartable"
        assert error.failure == engine.failure
        assert "no more" in error.failure.details
        assert "exit status 3" in error.failure.details
        assert error.failure.hint != "failure.engine.unstartable.hint"
        assert states == [EngineState.STARTING, EngineState.UNSTARTABLE]
        await engine.run(run_message(tmp_path), nothing)  # asked again, it is tried again
        assert engine.state is EngineState.READY


@pytest.mark.logs
async def test_an_engine_of_another_version_is_refused_at_once(tmp_path: Path) -> None:
    async with engine_in(tmp_path, protocol=999) as engine:
        error = await failure_of(engine.run(run_message(tmp_path), nothing))
    assert error.failure.values == {"reason": "engine.reason.version"}
    assert "999" in error.failure.details


@pytest.mark.logs
async def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    engine = Engine([str(tmp_path / "none")], tmp_path / "engine.log", QUICK)
    error = await failure_of(engine.run(run_message(tmp_path), nothing))
    assert error.failure.values == {"reason": "engine.reason.missing"}
    await engine.close()


@pytest.mark.logs
async def test_an_engine_that_is_not_ready_in_time(tmp_path: Path) -> None:
    limits = msgspec.structs.replace(QUICK, ready=0.3, start_delays=(0,))
    async with engine_in(tmp_path, limits, ready=60) as engine:
        error = await failure_of(engine.run(run_message(tmp_path), nothing))
    assert error.failure.values == {"reason": "engine.reason.silent"}


async def test_free_memory_replaces_the_engine_and_ends_its_job(tmp_path: Path) -> None:
    async with engine_in(tmp_path) as engine:
        job = await started(engine, tmp_path, "draw", **FOREVER)
        await engine.free_memory()
        with pytest.raises(Cancelled):
            await job
        assert engine.state is EngineState.READY
        assert not alive(journal(tmp_path)[0][0])
        await engine.run(run_message(tmp_path, "two"), nothing)


async def test_free_memory_of_an_engine_that_is_off_starts_nothing(tmp_path: Path) -> None:
    async with engine_in(tmp_path) as engine:
        await engine.free_memory()
        assert engine.state is EngineState.OFF


async def test_close_ends_an_engine_that_does_not_want_to(tmp_path: Path) -> None:
    engine = Engine(command(tmp_path, stays=True), tmp_path / "engine.log", QUICK)
    job = await started(engine, tmp_path, "draw", ignore_cancel=True, **FOREVER)
    (pid, _), *_ = journal(tmp_path)
    await engine.close()
    await engine.close()
    with pytest.raises(Cancelled):
        await job
    assert not alive(pid)
    with pytest.raises(Cancelled):
        await engine.run(run_message(tmp_path, "two"), nothing)


async def test_close_while_it_starts_leaves_nothing(tmp_path: Path) -> None:
    engine = Engine(command(tmp_path, ready=60), tmp_path / "engine.log", QUICK)
    job = asyncio.ensure_future(engine.run(run_message(tmp_path), nothing))
    children = psutil.Process().children
    await until(lambda: any("fake_engine" in " ".join(p.cmdline()) for p in children()))
    await engine.close()
    with pytest.raises(Cancelled):
        await job
    assert not any("fake_engine" in " ".join(p.cmdline()) for p in children())


@pytest.mark.logs
async def test_an_idle_engine_that_hangs_is_replaced(tmp_path: Path) -> None:
    async with engine_in(tmp_path, pongs=False) as engine:
        await engine.devices()
        await until(lambda: engine.state is EngineState.OFF)
        await engine.devices()


async def test_figures_and_settings(tmp_path: Path) -> None:
    figures: list[Pong] = []
    async with engine_in(tmp_path, ram=123) as engine:
        engine.measured.connect(figures.append)
        engine.configure(Configure(idle_unload_seconds=7))
        devices = await engine.devices()
        assert devices.devices[0].device == "cpu"
        await until(lambda: figures)
        assert figures[0].ram_bytes == 123
        assert engine.figures is not None
        await engine.run(run_message(tmp_path), nothing)
        resident = engine.figures.resident
        await until(lambda: engine.figures and engine.figures.resident == ("tiny",))
        assert resident in ((), ("tiny",))
        engine.unload()
        await until(lambda: engine.figures and engine.figures.resident == ())
    assert engine.figures is None
    assert "configured 7" in (tmp_path / "engine.log").read_text()


async def test_the_same_job_twice_is_a_mistake(tmp_path: Path) -> None:
    async with engine_in(tmp_path) as engine:
        job = await started(engine, tmp_path, "draw", **FOREVER)
        with pytest.raises(RuntimeError):
            await engine.run(run_message(tmp_path), nothing)
        engine.cancel("one")
        with pytest.raises(Cancelled):
            await job


# --- one job on each device ---------------------------------------------------------------------


async def test_each_job_hears_of_itself_and_ends_by_itself(tmp_path: Path) -> None:
    async with engine_in(tmp_path) as engine:
        lasting = await started(engine, tmp_path, "draw", steps={"draw": 10_000})
        heard: list[Any] = []
        other = run_message(tmp_path, "two", device="cuda:0")
        outcome = await engine.run(other, lambda message, blob: heard.append(message))
        assert outcome.device == "cuda:0"
        assert {message.job for message in heard} == {"two"}
        failing = run_message(tmp_path, "three", device="cuda:0", failure={"code": "oom.gpu"})
        assert (await failure_of(engine.run(failing, nothing))).failure.code == "oom.gpu"
        stopped = await started(
            engine, tmp_path, "draw", name="four", device="cuda:0", steps={"draw": 10_000}
        )
        engine.cancel("four")
        with pytest.raises(Cancelled):
            await stopped
        assert not lasting.done()
        engine.cancel("one")
        with pytest.raises(Cancelled):
            await lasting
    assert len({pid for pid, _ in journal(tmp_path)}) == 1


@pytest.mark.logs
async def test_a_crash_is_every_running_job_s_and_the_next_one_runs(tmp_path: Path) -> None:
    async with engine_in(tmp_path) as engine:
        jobs = [
            await started(engine, tmp_path, "draw", name="one", **FOREVER),
            await started(engine, tmp_path, "draw", name="two", device="cuda:0", **FOREVER),
        ]
        os.kill(journal(tmp_path)[0][0], signal.SIGSEGV)
        for job in jobs:
            failure = (await failure_of(job)).failure
            assert (failure.code, failure.values["reason"]) == ("engine.crashed", "engine.reason.fault")
        await engine.run(run_message(tmp_path, "three"), nothing)


@pytest.mark.logs
async def test_who_is_ended_for_another_job_s_sake_is_told_so(tmp_path: Path) -> None:
    async with engine_in(tmp_path) as engine:
        deaf = await started(engine, tmp_path, "draw", ignore_cancel=True, **FOREVER)
        other = await started(engine, tmp_path, "draw", name="two", device="cuda:0", **FOREVER)
        engine.cancel("one")
        with pytest.raises(Cancelled):
            await deaf
        failure = (await failure_of(other)).failure
        assert (failure.code, failure.values["reason"]) == ("engine.crashed", "engine.reason.other_job")
        assert failure.retryable


async def test_close_and_free_memory_end_all_of_them(tmp_path: Path) -> None:
    async with engine_in(tmp_path) as engine:
        for end in (engine.free_memory, engine.close):
            jobs = [
                await started(engine, tmp_path, "draw", name=device, device=device, **FOREVER)
                for device in ("cpu", "cuda:0")
            ]
            await end()
            for job in jobs:
                with pytest.raises(Cancelled):
                    await job
