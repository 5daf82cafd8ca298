"""An engine that does what its script says, good or bad: a real process that speaks the real frames.

    python tests/fakes/fake_engine.py [--script FILE] [--journal FILE]

*FILE* is JSON about the process: `{"protocol": 1, "ready": seconds, "starts": ["exit", "fine"],
"pongs": true, "ram": bytes, "stays": false}`; the n-th process to start meets the n-th of `starts` (the
count lies beside the file). What a job does stands in its request, in `values["script"]`:

    {"steps": {"load": 1, "draw": 4}, "seconds": {"draw": 0.01}, "second": 0.002, "text": ["a", "b"],
     "fault": "segv", "at": "draw", "ignore_cancel": false, "failure": {"code": "oom.gpu"}, "save": true,
     "missing": devices that are not there, "pause": seconds after each of "text",
     "tokens": {"prompt": 9, ...}, "finish": "limit"}

or, for a request that can hold no script, in the process's `"jobs"` by prompt ("" for any other).
A measurement takes the `"measure"` of the process: `{"second": 0.002, "others": 0.4, "fault": "segv",
"failure": {...}}`.
The journal gets one line `<pid> <job>` for every job that it is told to run.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import msgspec

from studio.domain.artifact import Artifact
from studio.domain.failure import Failure
from studio.domain.job import Outcome, Peak, Tokens
from studio.domain.machine import TorchBuild
from studio.domain.measurement import Library, Measurements, Rates, Reference, Setting
from studio.families.registry import versions
from studio.wire import frames
from studio.wire.messages import (
    PROTOCOL,
    Cancel,
    Cancelled,
    Configure,
    Devices,
    DeviceState,
    Done,
    Failed,
    Measure,
    Measured,
    Notice,
    PhaseProgress,
    Ping,
    Pong,
    Preview,
    Probe,
    Ready,
    Run,
    Saved,
    Shutdown,
    Started,
    TextDelta,
    Unload,
    to_engine,
    to_frame,
)

STEPS = {"load": 1, "encode": 1, "draw": 4, "decode": 1, "save": 1}


class StopJobError(Exception):
    """The job was cancelled."""


class FailJobError(Exception):
    """The job fails with the Failure that it carries."""


def device_of(run: Run) -> str:
    return "cpu" if run.plan.device == "auto" else run.plan.device


def measurements(message: Measure) -> Measurements:
    setting = Setting(precision="float32", threads=2)
    rates = Rates(
        precision="float32",
        channels_last=False,
        linear=((1.0, 2e-10),),
        convolution=((64.0, 4096.0, 1e-11),),
        attention=((64.0, 64.0, 64.0, 2e-11),),
        pointwise=((16384.0, 1e-9),),
        call=3e-6,
    )
    return Measurements(
        device=message.device,
        name=message.name,
        versions=versions(),
        taken=time.time(),
        threads=2,
        rates=(rates,),
        references=(Reference(net="denoiser", setting=setting, seconds=0.25),),
        best=setting,
        matmul={"float32": 5e10},
        memory_bandwidth=2e10,
        disk_read=1e9,
        copy={"float16>float32": 1e-9},
        libraries={"hibari": Library(seconds=0.5, bytes=50_000_000)},
        own={"unit.of.something": 1e-6},
        seconds=0.1,
    )


class FakeEngine:
    def __init__(self, script: dict[str, Any], journal: Path | None) -> None:
        self.script = script
        self.journal = journal
        self.reader = os.fdopen(os.dup(0), "rb")
        self.writer = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)
        self.lock = threading.Lock()
        self.cancelled: set[str] = set()
        self.jobs: dict[str, str] = {}  # those that run, and where
        self.resident: tuple[str, ...] = ()
        self.hung = False

    def send(self, message: Any, blob: bytes = b"") -> None:
        self.raw(frames.encode(to_frame(message, blob)))

    def raw(self, data: bytes) -> None:
        with self.lock:
            self.writer.write(data)
            self.writer.flush()

    def serve(self) -> None:
        time.sleep(self.script.get("ready", 0))
        self.fault(self.script.get("fault"))
        self.send(Ready(protocol=self.script.get("protocol", PROTOCOL), pid=os.getpid(), version="fake"))
        while (frame := frames.read(self.reader)) is not None:
            while self.hung:
                time.sleep(60)
            match to_engine(frame):
                case Run() as run:
                    if self.journal:
                        with self.journal.open("a") as file:
                            file.write(f"{os.getpid()} {run.job}\n")
                    assert device_of(run) not in self.jobs.values(), "one job at a time on each device"
                    self.jobs[run.job] = device_of(run)
                    threading.Thread(target=self.work, args=(run,), daemon=True).start()
                case Cancel(job=job):
                    self.cancelled.add(job)
                case Ping(n=n) if self.script.get("pongs", True):
                    self.send(
                        Pong(
                            n=n,
                            ram_bytes=self.script.get("ram", 50_000_000),
                            resident=self.resident,
                            jobs=tuple(self.jobs),
                        )
                    )
                case Measure() as message:
                    self.jobs[message.job] = message.device
                    threading.Thread(target=self.measure, args=(message,), daemon=True).start()
                case Probe():
                    cpu = DeviceState(device="cpu", name="Fake processor", usable=True)
                    build = TorchBuild(version="2.13.0+cpu")
                    self.send(Devices(devices=(cpu,), versions={"fake": "1"}, build=build))
                case Unload():
                    self.resident = ()
                case Configure() as message:
                    print("configured", message.idle_unload_seconds, file=sys.stderr, flush=True)
                case Shutdown() if not self.script.get("stays"):
                    os._exit(0)
                case _:
                    pass

    def work(self, run: Run) -> None:
        job = run.job
        began = time.monotonic()
        if device_of(run) in self.script_of(run).get("missing", ()):
            failure = Failure(code="device.missing", values={"device": device_of(run)})
            self.end(Failed(job=job, failure=failure))
            return
        try:
            script = self.script_of(run)
            timings = self.play(run, script)
        except StopJobError:
            self.end(Cancelled(job=job))
        except FailJobError as error:
            self.end(Failed(job=job, failure=error.args[0]))
        else:
            self.resident = (run.model.id,) if run.model else ()
            timings["total"] = time.monotonic() - began
            tokens = Tokens(**script["tokens"]) if "tokens" in script else None
            peak = Peak(ram_bytes=10**8)
            finish = script.get("finish")
            outcome = Outcome(timings=timings, peak=peak, device=device_of(run), tokens=tokens, finish=finish)
            self.end(Done(job=job, outcome=outcome))

    def script_of(self, run: Run) -> dict[str, Any]:
        jobs = self.script.get("jobs", {})
        return run.request.values.get("script") or jobs.get(run.request.prompt, jobs.get("")) or {}

    def measure(self, message: Measure) -> None:
        script = self.script.get("measure", {})
        self.send(Started(job=message.job, device=message.device))
        for section in ("load", "nets", "disk"):
            fraction = ("load", "nets", "disk").index(section) / 3
            self.send(PhaseProgress(job=message.job, phase=section, fraction=fraction))
            Path(message.folder, section).touch()
            time.sleep(script.get("second", 0.002))
            if message.job in self.cancelled:
                return self.end(Cancelled(job=message.job))
        self.fault(script.get("fault"))
        if failure := script.get("failure"):
            return self.end(Failed(job=message.job, failure=Failure(**failure)))
        found = msgspec.structs.replace(measurements(message), details={"others": script.get("others", 0.0)})
        return self.end(Measured(job=message.job, measurements=found))

    def end(self, message: Done | Measured | Failed | Cancelled) -> None:
        del self.jobs[message.job]
        self.send(message)

    def play(self, run: Run, script: dict[str, Any]) -> dict[str, float]:
        job = run.job

        def look() -> None:
            if job in self.cancelled and not script.get("ignore_cancel"):
                raise StopJobError

        self.send(Started(job=job, device=device_of(run)))
        timings: dict[str, float] = {}
        for phase, count in script.get("steps", STEPS).items():
            if phase == "load" and run.model is not None and run.model.id in self.resident:
                count = 0
            start = time.monotonic()
            self.send(PhaseProgress(job=job, phase=phase, fraction=0.0, steps=count))
            if script.get("at", "draw") == phase:
                self.fault(script.get("fault"))
                if failure := script.get("failure"):
                    raise FailJobError(Failure(**failure))
            for i in range(count):
                look()
                seconds = script.get("seconds", {}).get(phase, script.get("second", 0.002))
                time.sleep(seconds)
                look()
                fraction = (i + 1) / count
                self.send(
                    PhaseProgress(
                        job=job, phase=phase, fraction=fraction, step=i + 1, steps=count, step_seconds=seconds
                    )
                )
                if phase == "draw" and script.get("preview"):
                    self.send(Preview(job=job, index=0, width=2, height=2), bytes(12))
            timings[phase] = time.monotonic() - start
        for words in script.get("text", ()):
            look()
            self.send(TextDelta(job=job, text=words))
            time.sleep(script.get("pause", 0))
        if notice := script.get("notice"):
            self.send(Notice(job=job, key=notice))
        if script.get("save"):
            self.save(run)
        look()
        return timings

    def save(self, run: Run) -> None:
        path = Path(run.outputs_exact or f"{run.outputs}/{run.job}.txt")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(run.job)
        artifact = Artifact(path=str(path), media_type="text/plain", sha256="0" * 64, bytes=len(run.job))
        self.send(Saved(job=run.job, artifact=artifact))

    def fault(self, fault: str | None) -> None:
        """Meet with *fault*; what survives it stays as it is for an hour."""
        if fault in (None, "fine"):
            return
        FAULTS[fault](self)
        time.sleep(3600)


def segv(engine: FakeEngine) -> None:
    print("Fatal Python error: Segmentation fault", file=sys.stderr, flush=True)
    os.kill(os.getpid(), signal.SIGSEGV)


def abort(engine: FakeEngine) -> None:
    os.abort()


def sigkill(engine: FakeEngine) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def leave(engine: FakeEngine) -> None:
    print("no more", file=sys.stderr, flush=True)
    os._exit(3)


def leave_quietly(engine: FakeEngine) -> None:
    os._exit(0)


def garbage(engine: FakeEngine) -> None:
    engine.raw(b"Traceback (most recent call last):\n" * 50)


def huge(engine: FakeEngine) -> None:
    engine.raw(frames.LENGTHS.pack(2**31 - 1, 2**31 - 1))


def torn(engine: FakeEngine) -> None:
    engine.raw(frames.LENGTHS.pack(100, 0) + b"{")
    os.kill(os.getpid(), signal.SIGSEGV)


def flood(engine: FakeEngine) -> None:
    """Fill both pipes, and then hang."""
    for _ in range(8):
        os.write(2, b"x" * 2**20)
    for _ in range(8):
        engine.send(
            Preview(job=next(iter(engine.jobs), ""), index=0, width=1024, height=1024), bytes(3 * 2**20)
        )
    engine.hung = True


def mute(engine: FakeEngine) -> None:
    with engine.lock:  # for ever: who would answer now, waits
        os.close(engine.writer.fileno())
        time.sleep(3600)


def own(engine: FakeEngine) -> None:
    """The engine knows that it is broken."""
    failure = Failure(code="internal", values={"reason": "worker"}, poison=True)
    engine.send(Failed(job=None, failure=failure))


def hang(engine: FakeEngine) -> None:
    engine.hung = True


FAULTS = {
    "segv": segv,
    "abort": abort,
    "sigkill": sigkill,
    "exit": leave,
    "quiet": leave_quietly,
    "hang": hang,
    "garbage": garbage,
    "huge": huge,
    "torn": torn,
    "flood": flood,
    "mute": mute,
    "own": own,
}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--script", type=Path)
    parser.add_argument("--journal", type=Path)
    arguments, _ = parser.parse_known_args()
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    script = json.loads(arguments.script.read_text()) if arguments.script else {}
    if starts := script.get("starts"):
        counter = arguments.script.with_suffix(".count")
        n = int(counter.read_text()) if counter.exists() else 0
        counter.write_text(str(n + 1))
        script["fault"] = starts[min(n, len(starts) - 1)]
    FakeEngine(script, arguments.journal).serve()


if __name__ == "__main__":
    main()
