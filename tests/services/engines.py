"""The fake engine for tests of what stands above it: its command, and requests that script it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec

from studio.domain.model import ModelSource
from studio.domain.plan import Plan
from studio.domain.request import Request
from studio.services.engine.running import Limits
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


def run_message(folder: Path, job: str = "one", model: str = "tiny", **script: Any) -> Run:
    return Run(
        job=job,
        request=Request(task="image", family="fake", model=model, values={"script": script}),
        model=ModelSource(id=model, family="fake"),
        plan=Plan(device="auto"),
        outputs=str(folder / "outputs"),
    )
