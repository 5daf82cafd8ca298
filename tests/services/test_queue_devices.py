"""One job on each device at the same time, in order on each."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from studio.domain.job import JobState
from tests.services.engines import Desk, desk_on, journal, request, until

LASTING: dict[str, Any] = {"steps": {"load": 1, "draw": 10_000}, "second": 0.005}
QUICK: dict[str, Any] = {"steps": {"draw": 1}}
CPU_AND_GPU = ("cpu", "cuda:0")


def of(desk: Desk, state: JobState) -> list[str]:
    return [job.id for job in desk.queue.jobs if job.state is state]


async def drawing(desk: Desk, *jobs: str) -> None:
    """Until each of *jobs* has reached the phase where it stays."""
    for name in jobs:
        await until(lambda name=name: (p := desk.queue.job(name).progress) is not None and p.phase == "draw")


async def two_at_work(desk: Desk) -> list[str]:
    jobs = [desk.queue.submit(request(device=device, **LASTING)).id for device in CPU_AND_GPU]
    await drawing(desk, *jobs)
    return jobs


async def test_two_devices_work_at_once_and_each_in_its_order(tmp_path: Path) -> None:
    async with desk_on(tmp_path) as desk:
        running = await two_at_work(desk)
        waiting = [desk.queue.submit(request(device=device, **QUICK)).id for device in (*CPU_AND_GPU, "cpu")]
        assert of(desk, JobState.RUNNING) == running
        assert of(desk, JobState.WAITING) == waiting
        desk.queue.cancel(running[1])  # only what waits for that device begins
        ended = await desk.queue.wait(waiting[1])
        assert ended.outcome is not None
        assert (ended.state, ended.outcome.device) == (JobState.DONE, "cuda:0")
        assert of(desk, JobState.RUNNING) == [running[0]]
        assert of(desk, JobState.WAITING) == [waiting[0], waiting[2]]
        desk.queue.cancel(running[0])
        await desk.queue.wait(waiting[2])
        assert [job for _, job in journal(tmp_path)] == [*running, waiting[1], waiting[0], waiting[2]]


async def test_auto_counts_as_the_device_that_it_leads_to(tmp_path: Path) -> None:
    """The fake engine runs it on the CPU, and two jobs there at once would be its end."""
    async with desk_on(tmp_path) as desk:
        automatic = desk.queue.submit(request(**LASTING)).id
        waits = desk.queue.submit(request(device="cpu", **QUICK)).id
        beside = desk.queue.submit(request(device="cuda:0", **QUICK)).id
        assert (await desk.queue.wait(beside)).state is JobState.DONE
        assert of(desk, JobState.RUNNING) == [automatic]
        assert of(desk, JobState.WAITING) == [waits]
        desk.queue.cancel(automatic)
        assert (await desk.queue.wait(waits)).state is JobState.DONE


async def test_a_failure_on_one_device_is_nothing_to_the_other(tmp_path: Path) -> None:
    async with desk_on(tmp_path) as desk:
        goes_on = desk.queue.submit(request(device="cpu", **LASTING)).id
        await drawing(desk, goes_on)
        fails = desk.queue.submit(request(device="cuda:0", failure={"code": "oom.gpu"})).id
        failed = await desk.queue.wait(fails)
        assert failed.failure is not None
        assert failed.failure.code == "oom.gpu"
        assert of(desk, JobState.RUNNING) == [goes_on]
        desk.queue.cancel_all()
        assert (await desk.queue.wait(goes_on)).state is JobState.CANCELLED


@pytest.mark.logs
async def test_a_crash_fails_both_with_its_cause_and_the_queue_goes_on(tmp_path: Path) -> None:
    async with desk_on(tmp_path) as desk:
        running = await two_at_work(desk)
        waiting = [desk.queue.submit(request(device=device, **QUICK)).id for device in CPU_AND_GPU]
        os.kill(journal(tmp_path)[0][0], signal.SIGSEGV)
        for job in running:
            ended = await desk.queue.wait(job)
            assert ended.failure is not None
            assert ended.failure.values["reason"] == "engine.reason.fault"
        for job in waiting:
            assert (await desk.queue.wait(job)).state is JobState.DONE


async def test_closing_keeps_both_for_the_next_session(tmp_path: Path) -> None:
    async with desk_on(tmp_path) as desk:
        running = await two_at_work(desk)
    async with desk_on(tmp_path) as desk:
        assert of(desk, JobState.HELD) == running


async def test_what_ran_beside_another_job_teaches_nothing(tmp_path: Path) -> None:
    async with desk_on(tmp_path) as desk:
        spec = desk.models.resolve("tiny").spec
        beside = desk.queue.submit(request(device="cuda:0", **LASTING)).id
        await drawing(desk, beside)
        first = desk.queue.submit(request(device="cpu", **QUICK)).id
        asked = (await desk.queue.wait(first)).request
        assert desk.estimator.learnt(asked, spec, cold=True) is None
        desk.queue.cancel(beside)
        await desk.queue.wait(beside)
        await desk.queue.wait(desk.queue.submit(request(device="cpu", **QUICK)).id)
        assert desk.estimator.learnt(asked, spec, cold=True) is not None


async def test_the_remaining_time_is_that_of_the_device_with_the_most_to_do(tmp_path: Path) -> None:
    steps = {"steps": {"draw": 50}, "second": 0.01}
    async with desk_on(tmp_path) as desk:
        for device in CPU_AND_GPU:
            await desk.queue.wait(desk.queue.submit(request(device=device, **steps)).id)
        devices = ("cpu", "cpu", "cpu", "cuda:0")
        jobs = [desk.queue.submit(request(device=device, **steps)).id for device in devices]
        await until(lambda: desk.queue.remaining() is not None)
        together = desk.queue.remaining()
        desk.queue.cancel(jobs[3])
        await desk.queue.wait(jobs[3])
        alone = desk.queue.remaining()
        assert together is not None
        assert alone is not None
        assert alone > 0.6 * together  # a sum over both would have been a quarter more
        desk.queue.cancel_all()
        await asyncio.gather(*(desk.queue.wait(job) for job in jobs))
