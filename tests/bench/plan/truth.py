"""What a point really takes, in a fresh engine: peak memory and seconds."""

from __future__ import annotations

import tempfile
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from studio.domain.model import ModelSource
from studio.domain.plan import Plan
from studio.domain.request import Request
from studio.wire.messages import Done, Failed, Run
from tests.engine.process import EngineProcess

PATIENCE = 300.0
LOOK_SECONDS = 0.01


@dataclass(frozen=True)
class Truth:
    """Bytes at their highest, anonymous and file-mapped pages apart; seconds by phase and in all."""

    peak: int
    anonymous: int
    mapped: int
    timings: dict[str, float]

    @property
    def seconds(self) -> float:
        return self.timings["total"]

    def plain(self) -> dict[str, Any]:
        return asdict(self)


def run(request: Request, model: ModelSource, plan: Plan) -> Truth:
    """From the engine's start to the end of the job. RuntimeError when that is not a good one."""
    with tempfile.TemporaryDirectory(prefix="bench-") as outputs:
        engine = EngineProcess(Path(outputs))
        try:
            watch = _Watch(engine.pid)
            engine.send(Run(job="point", request=request, model=model, plan=plan, outputs=outputs))
            ended = engine.wait_for(Done, Failed, timeout=PATIENCE)
            if isinstance(ended, Failed):
                raise RuntimeError(f"{ended.failure}\n{engine.stderr[-2000:]}")  # noqa: TRY004 - no matter of types
            anonymous, mapped = watch.stop()
            peak = _status(engine.pid)["VmHWM"]
        finally:
            engine.close()
    return Truth(peak, anonymous, mapped, dict(ended.outcome.timings))


class _Watch:
    """Looks at the two kinds of memory again and again."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._anonymous = self._mapped = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            now = _status(self._pid)
            self._anonymous = max(self._anonymous, now.get("RssAnon", 0))
            self._mapped = max(self._mapped, now.get("RssFile", 0))

    def stop(self) -> tuple[int, int]:
        self._ended.set()
        self._thread.join()
        return self._anonymous, self._mapped


def _status(pid: int) -> dict[str, int]:
    """The memory lines of the system's description of a process, in bytes."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    return {
        name: int(value.split()[0]) * 1024
        for name, _, value in (line.partition(":") for line in lines)
        if value.strip().endswith("kB")
    }
