"""What a point really takes, in a fresh engine: peak memory and seconds."""

from __future__ import annotations

import tempfile
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from studio.domain.failure import Failure
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
    outcome = attempt(request, model, plan)
    if isinstance(outcome, Failure):
        raise RuntimeError(str(outcome))  # noqa: TRY004 - no matter of types
    return outcome


def attempt(
    request: Request, model: ModelSource, plan: Plan, *, wrap: tuple[str, ...] = ()
) -> Truth | Failure:
    """The same, or why it failed. *wrap*: a command that starts the engine."""
    with tempfile.TemporaryDirectory(prefix="bench-") as outputs:
        try:
            engine = EngineProcess(Path(outputs), wrap=wrap)
        except AssertionError as error:  # it did not even start
            return Failure(code="engine.crashed", details=str(error))
        watch = _Watch(engine.pid)
        try:
            engine.send(Run(job="point", request=request, model=model, plan=plan, outputs=outputs))
            ended = engine.wait_for(Done, Failed, timeout=PATIENCE)
            if isinstance(ended, Failed):
                return ended.failure
            return Truth(
                _status(engine.pid)["VmHWM"], watch.anonymous, watch.mapped, dict(ended.outcome.timings)
            )
        except AssertionError as error:  # it was ended
            return Failure(code="engine.crashed", details=str(error))
        finally:
            watch.stop()
            engine.close()


class _Watch:
    """Looks at the two kinds of memory again and again."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.anonymous = self.mapped = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            now = _status(self._pid)
            self.anonymous = max(self.anonymous, now.get("RssAnon", 0))
            self.mapped = max(self.mapped, now.get("RssFile", 0))

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()


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
