"""A studio without a window that is about to be killed: starts the real engine on a job that never ends.

    python tests/fakes/studio_to_kill.py FOLDER MOMENT

Prints the engine's process id, and then `now` when MOMENT has come: "start" (at once), "ready", "load"
(native code holds the engine's interpreter, as the load of a large GGUF file does), "run".
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import psutil

from studio.domain.model import ModelSource
from studio.domain.plan import Plan
from studio.domain.request import Request
from studio.services.engine.supervisor import Engine, EngineState
from studio.services.studio import engine_command
from studio.wire.messages import FromEngine, PhaseProgress, Run

SPEC = """
from studio.domain.family import FamilySpec, Memory

SPEC = FamilySpec(
    name="endless", tasks=("text",), parameters=(), memory=Memory(base=0), phases={"load": 0.5, "work": 0.5}
)
"""
PIPELINE = """
import ctypes
import sys
import time


class Pipeline:
    def __init__(self, context, model):
        if model.id == "load":
            # Called like this, native code does not let go of the interpreter.
            if sys.platform == "win32":
                ctypes.PyDLL("kernel32").Sleep(3_600_000)
            ctypes.PyDLL(None).sleep(3600)

    def run(self, context, request):
        context.phase("work")
        while True:
            context.progress(0.5)
            time.sleep(0.01)

    def close(self):
        pass
"""


def write_family(folder: Path) -> None:
    home = folder / "families" / "endless"
    home.mkdir(parents=True)
    (home / "spec.py").write_text(SPEC)
    (home / "pipeline.py").write_text(PIPELINE)


async def main(folder: Path, moment: str) -> None:
    command = [*engine_command(), "--families", str(folder / "families")]
    engine = Engine(command, folder / "engine.log")
    loading = asyncio.Event()
    working = asyncio.Event()

    def heard(message: FromEngine, blob: bytes) -> None:
        if isinstance(message, PhaseProgress):
            (working if message.phase == "work" else loading).set()

    message = Run(
        job="job",
        request=Request(task="text", family="endless", model="m", values={}),
        model=ModelSource(id=moment, family="endless"),
        plan=Plan(device="cpu"),
        outputs=str(folder),
    )
    job = asyncio.ensure_future(engine.run(message, heard))
    while not (children := psutil.Process().children()):
        await asyncio.sleep(0.001)
    print(children[0].pid, flush=True)
    if moment == "ready":
        while engine.state is not EngineState.READY:
            await asyncio.sleep(0.001)
    elif moment == "load":
        await asyncio.wait_for(loading.wait(), 60)
        await asyncio.sleep(0.3)
    elif moment == "run":
        await asyncio.wait_for(working.wait(), 60)
    print("now", flush=True)
    await asyncio.wait_for(job, 60)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
