"""The fake engine for tests of what stands above it: its command, its scripts, and a queue on it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from studio.domain.failure import StudioError
from studio.domain.family import FamilySpec, Memory
from studio.domain.measurement import Measurements
from studio.domain.model import ModelSource
from studio.domain.parameter import Integer, Parameter, Seed, Text
from studio.domain.plan import Plan
from studio.domain.request import Request
from studio.services.database import Database
from studio.services.engine.running import Limits
from studio.services.engine.supervisor import Engine
from studio.services.estimate import Estimator
from studio.services.history import History
from studio.services.job_store import JobStore
from studio.services.library.library import Resolved
from studio.services.planning import Planner
from studio.services.queue import Queue
from studio.services.runner import Runner
from studio.services.settings import Settings
from studio.wire.messages import Run

FAKE = Path(__file__).resolve().parents[1] / "fakes" / "fake_engine.py"

# A tenth of what a user would wait, and still ten times what a fault takes to be seen.
QUICK = Limits(
    ready=20,
    start_delays=(0, 0.01, 0.02),
    crash_delays=(0,),
    ping=0.05,
    missed_pings=12,
    idle_load=0.6,
    cancel=0.5,
    cancel_load=0.3,
    leave=0.3,
)


def command(folder: Path, **script: Any) -> list[str]:
    """The fake engine, scripted; its journal is `folder/journal`."""
    file = folder / "engine.json"
    file.write_bytes(msgspec.json.encode(script))
    return [sys.executable, str(FAKE), "--script", str(file), "--journal", str(folder / "journal")]


def journal(folder: Path) -> list[tuple[int, str]]:
    """Process and job of everything that a fake engine was told to run."""
    file = folder / "journal"
    lines = file.read_text().splitlines() if file.exists() else []
    return [(int(pid), job) for pid, job in map(str.split, lines)]


def run_message(
    folder: Path, job: str = "one", model: str = "tiny", device: str = "auto", **script: Any
) -> Run:
    return Run(
        job=job,
        request=Request(task="image", family="fake", model=model, values={"script": script}),
        model=ModelSource(id=model, family="fake"),
        plan=Plan(device=device),
        outputs=str(folder / "outputs"),
    )


# --- a queue on it ------------------------------------------------------------------------------

FAKE_FAMILY = FamilySpec(
    name="fake",
    tasks=("image",),
    parameters=(
        Text(name="prompt", required=True),
        Integer(name="steps", default=4, minimum=1, maximum=100),
        Seed(),
        Parameter(name="script", hidden=True),
    ),
    memory=Memory(base=1_000_000),
    phases={"load": 0.2, "encode": 0.1, "draw": 0.5, "decode": 0.1, "save": 0.1},
)


class FakeModels:
    """A library of models that may come and go."""

    def __init__(self, *ids: str) -> None:
        self.here = set(ids)

    def resolve(self, id_or_path: str, *, verify: bool = True) -> Resolved:
        if id_or_path not in self.here:
            raise StudioError("model.missing", name=id_or_path)
        source = ModelSource(id=id_or_path, family="fake", path=f"/models/{id_or_path}", bytes=1000)
        return Resolved(FAKE_FAMILY, None, source)


def planner(history: History, measured: Measurements | None = None) -> Planner:
    """One with 16 GB and nothing but a processor."""
    return Planner(
        history,
        ram=lambda: 16 * 10**9,
        accelerators=lambda: (),
        measured=lambda device: measured,
        resident=lambda model: False,
        started=lambda: False,
    )


class Desk:
    """A queue with everything below it, on one folder. `settings` may be replaced."""

    def __init__(self, folder: Path, *, limits: Limits = QUICK, **script: Any) -> None:
        self.folder = folder
        self.settings = Settings(keep_awake=False)
        self.models = FakeModels("tiny", "other")
        self.database = Database(folder / "studio.db")
        self.history = History(self.database)
        self.engine = Engine(command(folder, **script), folder / "engine.log", limits)
        self.planner = planner(self.history)
        self.estimator = Estimator(
            self.history,
            self.planner,
            ram=lambda: 16 * 10**9,
            accelerators=lambda: (),
            resident=lambda model: model in self.engine.resident,
        )
        runner = Runner(
            self.engine,
            self.models,
            self.history,
            self.estimator,
            self.planner,
            settings=lambda: self.settings,
            outputs=lambda: folder / "outputs",
        )
        self.queue = Queue(
            runner,
            self.models,
            self.estimator,
            JobStore(self.database),
            settings=lambda: self.settings,
        )

    async def start(self) -> None:
        await self.database.open()
        await self.history.load()
        await self.queue.load()

    async def close(self) -> None:
        await asyncio.gather(self.queue.close(), self.engine.close())
        await self.database.close()

    async def vanish(self) -> None:
        """End as a killed studio does: what is on disk is on disk, nothing else happens."""
        await self.database.settle()
        self.queue._closing = True  # nothing is written from here on
        await self.close()


@asynccontextmanager
async def desk_on(folder: Path, **options: Any) -> AsyncIterator[Desk]:
    desk = Desk(folder, **options)
    await desk.start()
    try:
        yield desk
    finally:
        await desk.close()


def request(model: str = "tiny", prompt: str = "a cat", device: str = "auto", **script: Any) -> Request:
    values = {"prompt": prompt, "script": script}
    return Request(task="image", family="fake", model=model, values=values, device=device)


async def until(condition: Callable[[], object], seconds: float = 20) -> None:
    """Wait for something that another process makes true."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)
