"""The queue on a real engine process: what waits, what runs, what outlives the studio."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from studio.domain.failure import StudioError
from studio.domain.job import Job, JobState
from studio.domain.request import Request
from studio.services.awake import Awake
from studio.services.engine.supervisor import EngineState
from studio.services.runner import PreviewFrame
from studio.wire.messages import Notice, TextDelta
from tests.services.engines import Desk, desk_on, journal, request, until

FOREVER: dict[str, Any] = {"seconds": {"draw": 600}}


def states(desk: Desk) -> list[JobState]:
    return [job.state for job in desk.queue.jobs]


async def drawing(desk: Desk, job: Job) -> None:
    """Until it has reached the phase where it stays."""
    await until(lambda: (p := desk.queue.job(job.id).progress) is not None and p.phase == "draw")


# --- one job ------------------------------------------------------------------------------------


async def test_a_job_from_submit_to_done(tmp_path: Path) -> None:
    seen: list[Job] = []
    texts: list[TextDelta] = []
    previews: list[PreviewFrame] = []
    notices: list[Notice] = []
    async with desk_on(tmp_path) as desk:
        desk.queue.changed.connect(seen.append)
        desk.queue.text.connect(texts.append)
        desk.queue.preview.connect(previews.append)
        desk.queue.notice.connect(notices.append)
        job = desk.queue.submit(request(text=["a ", "cat"], preview=True, notice="draw.note", save=True))
        assert job.state is JobState.RUNNING
        assert isinstance(job.request.seed, int)
        assert job.request.values["steps"] == 4
        done = await desk.queue.wait(job.id)
        assert desk.queue.jobs == (done,)
    assert done.state is JobState.DONE
    assert done.failure is None
    assert done.text == "a cat"
    assert [delta.text for delta in texts] == ["a ", "cat"]
    assert [(frame.job, frame.rgb) for frame in previews] == [(job.id, bytes(12))] * 4
    assert [notice.key for notice in notices] == ["draw.note"]
    assert [Path(artifact.path).name for artifact in done.artifacts] == [f"{job.id}.txt"]
    assert done.outcome is not None
    assert done.outcome.device == "cpu"
    assert done.created <= (done.started or 0) <= (done.ended or 0)
    assert done.progress is not None
    assert (done.progress.fraction, done.progress.remaining) == (1.0, 0.0)
    assert {update.state for update in seen} == {JobState.WAITING, JobState.RUNNING, JobState.DONE}
    fractions = [u.progress.fraction for u in seen if u.progress and u.progress.fraction is not None]
    assert fractions == sorted(fractions)


async def test_the_exact_file_is_passed_on(tmp_path: Path) -> None:
    async with desk_on(tmp_path) as desk:
        exact = str(tmp_path / "一 cat.txt")
        job = desk.queue.submit(request(save=True), outputs_exact=exact, overwrite=True)
        done = await desk.queue.wait(job.id)
    assert [artifact.path for artifact in done.artifacts] == [exact]


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (request(model="gone"), "model.missing"),
        (request(prompt=" "), "param.invalid"),
        (msgspec.structs.replace(request(), values={"prompt": "a", "steps": 0}), "param.invalid"),
        (msgspec.structs.replace(request(), values={"prompt": "a", "seed": -1}), "param.invalid"),
        (msgspec.structs.replace(request(), values={"prompt": "a", "unheard_of": 1}), "param.invalid"),
        (msgspec.structs.replace(request(), task="video"), "param.invalid"),
    ],
)
async def test_what_cannot_run_is_refused_and_nothing_is_lost(
    tmp_path: Path, bad: Request, code: str
) -> None:
    async with desk_on(tmp_path) as desk:
        waiting = [desk.queue.submit(request(**FOREVER)), desk.queue.submit(request())]
        with pytest.raises(StudioError) as caught:
            desk.queue.submit(bad)
        assert caught.value.failure.code == code
        assert [job.id for job in desk.queue.jobs] == [job.id for job in waiting]


async def test_the_settings_device_is_the_default_and_the_request_s_own_wins(tmp_path: Path) -> None:
    async with desk_on(tmp_path) as desk:
        desk.settings = msgspec.structs.replace(desk.settings, device="cuda:1", threads=3)
        usual = desk.queue.submit(request())
        own = desk.queue.submit(msgspec.structs.replace(request(), device="cpu", threads=7))
        assert (usual.request.device, usual.request.threads) == ("cuda:1", 3)
        assert (own.request.device, own.request.threads) == ("cpu", 7)


async def test_a_model_that_vanishes_before_its_turn_fails_that_job_alone(tmp_path: Path) -> None:
    async with desk_on(tmp_path) as desk:
        first = desk.queue.submit(request())
        gone = desk.queue.submit(request(model="other"))
        last = desk.queue.submit(request())
        desk.models.here.remove("other")
        ended = [await desk.queue.wait(job.id) for job in (first, gone, last)]
    assert [job.state for job in ended] == [JobState.DONE, JobState.FAILED, JobState.DONE]
    assert ended[1].failure is not None
    assert ended[1].failure.code == "model.missing"


async def test_no_job_of_that_name(tmp_path: Path) -> None:
    async with desk_on(tmp_path) as desk:
        for act in (
            desk.queue.cancel,
            desk.queue.retry,
            desk.queue.resume,
            desk.queue.forget,
            desk.queue.job,
        ):
            with pytest.raises(KeyError):
                act("none")
        with pytest.raises(KeyError):
            await desk.queue.wait("none")


# --- order --------------------------------------------------------------------------------------


async def test_one_at_a_time_in_order_and_the_front_comes_first(tmp_path: Path) -> None:
    async with desk_on(tmp_path) as desk:
        queue = desk.queue
        blocker = queue.submit(request(**FOREVER))
        a, b, c = (queue.submit(request(prompt=name)) for name in "abc")
        d = queue.submit(request(prompt="d"), front=True)
        assert [job.id for job in queue.jobs] == [job.id for job in (blocker, d, a, b, c)]
        queue.move(c.id, 0)
        queue.move(a.id, 99)
        assert [job.id for job in queue.jobs] == [job.id for job in (blocker, c, d, b, a)]
        with pytest.raises(ValueError, match="does not wait"):
            queue.move(blocker.id, 0)
        await drawing(desk, blocker)
        queue.cancel(blocker.id)
        for job in (a, b, c, d):
            assert (await queue.wait(job.id)).state is JobState.DONE
    assert [job for _, job in journal(tmp_path)] == [job.id for job in (blocker, c, d, b, a)]


# --- cancel and retry ---------------------------------------------------------------------------


async def test_cancel_stops_the_running_one_and_the_next_begins(tmp_path: Path) -> None:
    async with desk_on(tmp_path) as desk:
        first = desk.queue.submit(request(steps={"draw": 10_000}, second=0.01))
        second = desk.queue.submit(request())
        await drawing(desk, first)
        desk.queue.cancel(first.id)
        assert desk.queue.job(first.id).state is JobState.CANCELLING
        desk.queue.cancel(first.id)
        assert (await desk.queue.wait(first.id)).state is JobState.CANCELLED
        desk.queue.cancel(first.id)
        assert (await desk.queue.wait(second.id)).state is JobState.DONE
    assert len({pid for pid, _ in journal(tmp_path)}) == 1


async def test_cancel_in_the_first_moment(tmp_path: Path) -> None:
    async with desk_on(tmp_path) as desk:
        job = desk.queue.submit(request(**FOREVER))
        desk.queue.cancel(job.id)
        assert (await desk.queue.wait(job.id)).state is JobState.CANCELLED
    assert journal(tmp_path) == []


async def test_a_waiting_job_is_dropped_without_the_engine(tmp_path: Path) -> None:
    async with desk_on(tmp_path) as desk:
        blocker = desk.queue.submit(request(**FOREVER))
        job = desk.queue.submit(request())
        desk.queue.cancel(job.id)
        assert desk.queue.job(job.id).state is JobState.CANCELLED
        await drawing(desk, blocker)
    assert [name for _, name in journal(tmp_path)] == [blocker.id]


async def test_cancel_all(tmp_path: Path) -> None:
    async with desk_on(tmp_path) as desk:
        jobs = [desk.queue.submit(request(steps={"draw": 10_000}, second=0.01)) for _ in range(4)]
        await drawing(desk, jobs[0])
        desk.queue.cancel_all()
        for job in jobs:
            assert (await desk.queue.wait(job.id)).state is JobState.CANCELLED
        assert desk.queue.remaining() == 0
    assert len(journal(tmp_path)) == 1


async def test_after_a_kill_by_cancel_the_next_job_loads_unasked(tmp_path: Path) -> None:
    async with desk_on(tmp_path) as desk:
        stuck = desk.queue.submit(request(ignore_cancel=True, seconds={"load": 600}))
        after = desk.queue.submit(request())
        await until(lambda: desk.queue.job(stuck.id).progress)
        desk.queue.cancel(stuck.id)
        assert (await desk.queue.wait(stuck.id)).state is JobState.CANCELLED
        done = await desk.queue.wait(after.id)
        assert done.state is JobState.DONE
        assert done.outcome is not None
        assert done.outcome.timings["load"] > 0


@pytest.mark.logs
async def test_retry_asks_again_for_the_very_same(tmp_path: Path) -> None:
    async with desk_on(tmp_path) as desk:
        job = desk.queue.submit(request(fault="segv", at="draw"))
        failed = await desk.queue.wait(job.id)
        assert failed.state is JobState.FAILED
        assert failed.failure is not None
        assert failed.failure.code == "engine.crashed"
        again = desk.queue.retry(job.id)
        assert again.id != job.id
        assert again.request == job.request
        assert [j.id for j in desk.queue.jobs] == [again.id]
        with pytest.raises(ValueError, match="not ended"):
            desk.queue.retry(again.id)
        assert (await desk.queue.wait(again.id)).state is JobState.FAILED


async def test_a_retry_that_is_refused_keeps_the_failed_job(tmp_path: Path) -> None:
    async with desk_on(tmp_path) as desk:
        job = desk.queue.submit(request(failure={"code": "oom.ram"}))
        await desk.queue.wait(job.id)
        desk.models.here.clear()
        with pytest.raises(StudioError):
            desk.queue.retry(job.id)
        assert [j.id for j in desk.queue.jobs] == [job.id]


async def test_forget(tmp_path: Path) -> None:
    gone: list[str] = []
    async with desk_on(tmp_path) as desk:
        done = [desk.queue.submit(request()) for _ in range(3)]
        for job in done:
            await desk.queue.wait(job.id)
        running = desk.queue.submit(request(**FOREVER))
        with pytest.raises(ValueError, match="not ended"):
            desk.queue.forget(running.id)
        desk.queue.changed.connect(lambda job: gone.append(job.id))
        desk.queue.forget(done[0].id)
        assert gone == [done[0].id]
        desk.queue.clear_ended()
        assert [job.id for job in desk.queue.jobs] == [running.id]


# --- over a restart -----------------------------------------------------------------------------


@pytest.mark.parametrize("killed", [False, True])
async def test_what_had_not_ended_comes_back_held_and_never_runs_unasked(
    tmp_path: Path, killed: bool
) -> None:
    desk = Desk(tmp_path)
    await desk.start()
    done = desk.queue.submit(request(prompt="done"))
    await desk.queue.wait(done.id)
    running = desk.queue.submit(request(prompt="running", **FOREVER))
    a, b = (desk.queue.submit(request(prompt=name), overwrite=True) for name in "ab")
    dropped = desk.queue.submit(request(prompt="dropped"))
    desk.queue.cancel(dropped.id)
    desk.queue.move(b.id, 0)
    await drawing(desk, running)
    await (desk.vanish() if killed else desk.close())
    ran = journal(tmp_path)

    async with desk_on(tmp_path) as desk:
        kept = desk.queue.jobs
        assert [(job.id, job.state) for job in kept] == [(job.id, JobState.HELD) for job in (running, b, a)]
        assert [job.request for job in kept] == [running.request, b.request, a.request]
        new = desk.queue.submit(request(prompt="new"))
        await desk.queue.wait(new.id)
        await asyncio.sleep(0.05)
        assert states(desk)[:3] == [JobState.HELD] * 3
        assert [job for _, job in journal(tmp_path)[len(ran) :]] == [new.id]

        desk.queue.resume(a.id)
        with pytest.raises(ValueError, match="not held"):
            desk.queue.resume(a.id)
        assert (await desk.queue.wait(a.id)).state is JobState.DONE
        desk.queue.forget(running.id)
    async with desk_on(tmp_path) as desk:
        assert [job.id for job in desk.queue.jobs] == [b.id]
        desk.queue.resume_all()
        assert (await desk.queue.wait(b.id)).state is JobState.DONE
    async with desk_on(tmp_path) as desk:
        assert desk.queue.jobs == ()


async def test_a_held_job_whose_model_has_gone_stays_held_and_the_others_go_on(tmp_path: Path) -> None:
    async with desk_on(tmp_path) as desk:
        blocker = desk.queue.submit(request(**FOREVER))
        gone = desk.queue.submit(request(model="other"))
        fine = desk.queue.submit(request())
        await drawing(desk, blocker)
    async with desk_on(tmp_path) as desk:
        desk.queue.cancel(blocker.id)  # a held one too
        desk.models.here.remove("other")
        with pytest.raises(StudioError):
            desk.queue.resume_all()
        assert (await desk.queue.wait(fine.id)).state is JobState.DONE
        assert desk.queue.job(gone.id).state is JobState.HELD


@pytest.mark.logs
async def test_a_job_of_another_version_is_left_out(tmp_path: Path) -> None:
    async with desk_on(tmp_path) as desk:
        await desk.database.run(lambda c: c.execute("INSERT INTO jobs VALUES ('x', 0, x'7b7d')"))
    async with desk_on(tmp_path) as desk:
        assert desk.queue.jobs == ()


async def test_closing_while_a_job_is_being_cancelled_drops_it(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.start()
    job = desk.queue.submit(request(ignore_cancel=True, **FOREVER))
    await drawing(desk, job)
    desk.queue.cancel(job.id)
    await desk.close()
    async with desk_on(tmp_path) as desk:
        assert desk.queue.jobs == ()


# --- without an engine --------------------------------------------------------------------------


@pytest.mark.logs
async def test_an_engine_that_cannot_start_fails_one_job_and_holds_the_others(tmp_path: Path) -> None:
    async with desk_on(tmp_path, starts=["exit", "exit", "exit", "fine"]) as desk:
        jobs = [desk.queue.submit(request()) for _ in range(3)]
        failed = await desk.queue.wait(jobs[0].id)
        assert failed.failure is not None
        assert failed.failure.code == "engine.unstartable"
        assert states(desk) == [JobState.HELD, JobState.HELD, JobState.FAILED]
        assert desk.engine.state is EngineState.UNSTARTABLE
        desk.queue.resume_all()
        for job in jobs[1:]:
            assert (await desk.queue.wait(job.id)).state is JobState.DONE


async def test_free_memory_ends_the_job_as_cancelled_and_the_queue_goes_on(tmp_path: Path) -> None:
    async with desk_on(tmp_path) as desk:
        first = desk.queue.submit(request(**FOREVER))
        second = desk.queue.submit(request())
        await drawing(desk, first)
        await desk.engine.free_memory()
        assert (await desk.queue.wait(first.id)).state is JobState.CANCELLED
        assert (await desk.queue.wait(second.id)).state is JobState.DONE


# --- what it learns -----------------------------------------------------------------------------


async def test_the_second_run_knows_how_long_it_takes(tmp_path: Path) -> None:
    script: dict[str, Any] = {"seconds": {"draw": 0.05}}
    async with desk_on(tmp_path) as desk:
        assert desk.queue.remaining() == 0
        for _ in range(2):
            job = desk.queue.submit(request(**script))
            waiting = desk.queue.submit(request(model="other", **script))
            assert desk.queue.remaining() is None
            await desk.queue.wait(job.id)
            await desk.queue.wait(waiting.id)
    async with desk_on(tmp_path) as desk:  # another session
        seen: list[Job] = []
        desk.queue.changed.connect(seen.append)
        job = desk.queue.submit(request(**script))
        waiting = desk.queue.submit(request(model="other", **script))
        await until(lambda: desk.queue.job(job.id).progress)
        remaining = desk.queue.remaining()
        assert remaining is not None
        assert 0.2 < remaining < 5
        await desk.queue.wait(job.id)
        first = next(update.progress for update in seen if update.id == job.id and update.progress)
        assert first.remaining is not None
        assert 0.1 < first.remaining < 3
        estimate = desk.estimator.estimate(job.request, desk.models.resolve("tiny").spec, weights=1000)
        assert estimate.measured


async def test_a_model_that_is_still_loaded_is_known_to_be(tmp_path: Path) -> None:
    async with desk_on(tmp_path) as desk:
        first = desk.queue.submit(request(seconds={"load": 0.3}))
        second = desk.queue.submit(request(seconds={"load": 0.3}))
        await desk.queue.wait(first.id)
        assert desk.engine.resident == ("tiny",)
        done = await desk.queue.wait(second.id)
        assert done.outcome is not None
        assert done.outcome.timings["load"] < 0.2
        runs = next(iter(desk.history._runs.values()))
        assert [run.cold for run in runs] == [True, False]


# --- awake --------------------------------------------------------------------------------------


async def test_the_computer_is_kept_awake_while_there_is_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Awake, "_command", lambda self: ["cat"])
    async with desk_on(tmp_path) as desk:
        awake = desk.queue._awake = Awake()
        off = desk.queue.submit(request())
        await desk.queue.wait(off.id)
        assert not awake.active
        desk.settings = msgspec.structs.replace(desk.settings, keep_awake=True)
        first = desk.queue.submit(request())
        second = desk.queue.submit(request(**FOREVER))
        assert awake.active
        await desk.queue.wait(first.id)
        assert awake.active
        desk.queue.cancel(second.id)
        await desk.queue.wait(second.id)
        assert not awake.active
        desk.queue.submit(request(**FOREVER))
        assert awake.active
    assert not awake.active
