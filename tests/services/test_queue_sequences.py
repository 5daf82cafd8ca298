"""E3: whatever is done in whatever order, cancelling is quick, nothing is lost, and nothing runs unasked.

Each sequence plays on a real queue, database and engine process, with restarts and kills in between.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Coroutine, Iterable
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from studio.domain.job import Job, JobState
from tests.services.engines import Desk, journal, request

T = TypeVar("T")

KINDS: dict[str, dict[str, Any]] = {
    "quick": {"steps": {"draw": 1}, "second": 0.0},
    "slow": {"steps": {"load": 1, "draw": 10_000}, "second": 0.005},
    "deaf": {"ignore_cancel": True, "seconds": {"draw": 600}},
    "failing": {"failure": {"code": "oom.ram"}},
    "crashing": {"fault": "sigkill", "at": "draw"},
}
DEVICES = ("auto", "cpu", "cuda:0")  # the fake engine's "auto" is the CPU
CONFIRMED = 2.0  # seconds in which a cancel is confirmed, as promised
ORDER = (
    (JobState.RUNNING, JobState.CANCELLING),
    (JobState.WAITING,),
    (JobState.HELD,),
    (JobState.DONE, JobState.CANCELLED, JobState.FAILED),
)
picks = st.integers(0, 10)


def device(job: Job) -> str:
    return "cpu" if job.request.device == "auto" else job.request.device


def by_device(jobs: Iterable[Job]) -> dict[str, list[str]]:
    """The ids in their order."""
    found: dict[str, list[str]] = {}
    for job in jobs:
        found.setdefault(job.request.device, []).append(job.id)
    return found


class Sequences(RuleBasedStateMachine):
    """`asked`: how often each job was asked to run. `alive`: jobs that must be in the queue."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="queue-"))
        self.loop = asyncio.new_event_loop()
        self.asked: Counter[str] = Counter()
        self.alive: set[str] = set()
        self.desk = self.open()

    def open(self) -> Desk:
        async def start() -> Desk:
            desk = Desk(self.folder)
            await desk.start()
            return desk

        return self.do(start())

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(asyncio.wait_for(work, 30))

    async def call(self, act: Any, *arguments: Any, **options: Any) -> Any:
        return act(*arguments, **options)

    def teardown(self) -> None:
        self.cancel_all()
        self.do(self.desk.close())
        self.do(asyncio.sleep(0))
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()
        shutil.rmtree(self.folder)

    def pick(self, number: int, *states: JobState) -> Job | None:
        jobs = [job for job in self.desk.queue.jobs if job.state in states]
        return jobs[number % len(jobs)] if jobs else None

    # --- what a user does -----------------------------------------------------------------------

    @rule(
        kinds=st.lists(
            st.tuples(st.sampled_from(sorted(KINDS)), st.sampled_from(DEVICES)), min_size=1, max_size=4
        ),
        front=st.booleans(),
    )
    def submit(self, kinds: list[tuple[str, str]], front: bool) -> None:
        for kind, device in kinds:
            wanted = request(device=device, **KINDS[kind])
            job = self.do(self.call(self.desk.queue.submit, wanted, front=front))
            self.asked[job.id] += 1
            self.alive.add(job.id)

    @rule(seconds=st.sampled_from([0.01, 0.1, 0.2]))
    def wait(self, seconds: float) -> None:
        self.do(asyncio.sleep(seconds))

    @rule(number=picks)
    def cancel(self, number: int) -> None:
        job = self.pick(number, *JobState)
        if job is None:
            return
        began = time.monotonic()
        self.do(self.call(self.desk.queue.cancel, job.id))
        self.do(self.call(self.desk.queue.cancel, job.id))
        ended = self.do(self.desk.queue.wait(job.id))
        assert time.monotonic() - began < CONFIRMED
        if job.state.ended:
            assert ended == job, "a cancel changed what had ended"
        elif job.state in (JobState.WAITING, JobState.HELD):
            assert ended.state is JobState.CANCELLED
            assert ended.started is None

    @rule()
    def cancel_all(self) -> None:
        active = [
            job for job in self.desk.queue.jobs if not job.state.ended and job.state is not JobState.HELD
        ]
        began = time.monotonic()
        self.do(self.call(self.desk.queue.cancel_all))
        for job in active:
            self.do(self.desk.queue.wait(job.id))
        assert time.monotonic() - began < CONFIRMED

    @rule(number=picks, position=st.integers(-1, 8))
    def move(self, number: int, position: int) -> None:
        job = self.pick(number, JobState.WAITING)
        if job is not None:
            self.do(self.call(self.desk.queue.move, job.id, position))

    @rule(number=picks)
    def retry(self, number: int) -> None:
        job = self.pick(number, JobState.DONE, JobState.CANCELLED, JobState.FAILED)
        if job is not None:
            again = self.do(self.call(self.desk.queue.retry, job.id))
            self.asked[again.id] += 1
            self.alive = self.alive - {job.id} | {again.id}

    @rule(number=picks)
    def resume(self, number: int) -> None:
        job = self.pick(number, JobState.HELD)
        if job is not None:
            self.asked[job.id] += 1
            self.do(self.call(self.desk.queue.resume, job.id))

    @rule(number=picks)
    def forget(self, number: int) -> None:
        job = self.pick(number, JobState.HELD, JobState.DONE, JobState.CANCELLED, JobState.FAILED)
        if job is not None:
            self.do(self.call(self.desk.queue.forget, job.id))
            self.alive.remove(job.id)

    @precondition(lambda self: len(self.asked) > 0)
    @rule(killed=st.booleans())
    def restart(self, killed: bool) -> None:
        self.do(self.desk.database.settle())
        before = self.desk.queue.jobs
        self.do(self.desk.vanish() if killed else self.desk.close())
        # A job that ended in the very moment of closing is gone, rightly.
        ended = {job.id for job in self.desk.queue.jobs if job.state.ended}
        left = [job for job in before if not job.state.ended and job.id not in ended]
        cancelling = {job.id for job in before if job.state is JobState.CANCELLING}
        self.desk = self.open()
        kept = self.desk.queue.jobs
        assert all(job.state is JobState.HELD for job in kept)
        # One that began in that moment stands before those that wait, so by device: there it was the next.
        assert by_device(job for job in kept if job.id not in cancelling) == by_device(
            job for job in left if job.id not in cancelling
        )
        self.alive = {job.id for job in kept}

    # --- what must be true at every moment ------------------------------------------------------

    @invariant()
    def nothing_is_lost_and_nothing_is_there_twice(self) -> None:
        names = [job.id for job in self.desk.queue.jobs]
        assert len(names) == len(set(names))
        assert set(names) == self.alive

    @invariant()
    def the_order_is_running_waiting_held_ended(self) -> None:
        places = [
            next(n for n, states in enumerate(ORDER) if job.state in states) for job in self.desk.queue.jobs
        ]
        assert places == sorted(places)
        devices = [(place, device(job)) for place, job in zip(places, self.desk.queue.jobs, strict=True)]
        running = [where for place, where in devices if place == 0]
        assert len(running) == len(set(running))
        for place, where in devices:
            assert place != 1 or where in running, "a job waits and nothing runs there"

    @invariant()
    def nothing_runs_more_often_than_it_was_asked_to(self) -> None:
        runs = Counter(job for _, job in journal(self.folder))
        assert all(count <= self.asked[job] for job, count in runs.items())


@pytest.mark.logs
class TestSequences(Sequences.TestCase):
    settings = settings(
        max_examples=20,
        stateful_step_count=20,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )


@pytest.mark.heavy
@pytest.mark.logs
@pytest.mark.timeout(1800)
class TestManySequences(Sequences.TestCase):
    settings = settings(
        max_examples=200,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
