"""The engine as a process: its frames hold, it always answers, and it ends when it should."""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from studio import __version__
from studio.engine import lifeline
from studio.wire import frames
from studio.wire.frames import Frame
from studio.wire.messages import (
    PROTOCOL,
    Cancel,
    Devices,
    Done,
    Failed,
    PhaseProgress,
    Pong,
    Probe,
    Ready,
    Shutdown,
    Started,
)
from tests.engine.process import EngineProcess

Start = Callable[..., EngineProcess]


def gone(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.02)
    return False


def test_it_says_what_it_is_before_it_knows_torch(start: Start) -> None:
    engine = start()
    assert engine.messages == [Ready(protocol=PROTOCOL, pid=engine.process.pid, version=__version__)]
    assert engine.ping().ram_bytes < 120_000_000
    maps = Path(f"/proc/{engine.pid}/maps")
    if maps.exists():
        assert "libtorch" not in maps.read_text()


def test_nothing_that_is_printed_gets_between_the_frames(engine: EngineProcess) -> None:
    assert isinstance(engine.run(act="print"), Done)
    for words in ("a careless print", "straight to descriptor 1", "from a child"):
        assert words in engine.stderr


def test_the_devices_are_tried(engine: EngineProcess) -> None:
    engine.send(Probe())
    devices = engine.wait_for(Devices)
    cpu = devices.devices[0]
    assert (cpu.device, cpu.usable, cpu.reason) == ("cpu", True, "")
    assert cpu.memory_total_bytes > cpu.memory_free_bytes > 0
    assert devices.versions["torch"]


def test_a_ping_is_answered_in_the_middle_of_a_step(engine: EngineProcess) -> None:
    job = engine.start(act="busy", steps=1, seconds=20)
    while engine.wait_for(PhaseProgress).phase != "denoise":
        pass
    began = time.monotonic()
    pong = engine.ping()
    assert time.monotonic() - began < 5
    assert (pong.jobs, pong.resident) == ((job,), ("sample",))
    assert pong.ram_bytes > 10_000_000
    engine.send(Cancel(job=job))
    engine.close()


@pytest.mark.parametrize(
    "data",
    [
        b"what is this? it is no frame",
        struct.pack(">II", 0, 0),
        frames.encode(Frame(b'{"type":"sing"}')),
        frames.encode(Frame(b'{"type":"ping"}')),
        frames.encode(Frame(b"not json")),
    ],
)
def test_what_is_no_message_ends_it_with_a_reason(start: Start, data: bytes) -> None:
    engine = start()
    engine.send_bytes(data)
    failed = engine.wait_for(Failed)
    assert failed.job is None
    assert failed.failure.code == "internal"
    assert engine.next() is None
    assert engine.exit_code() == 2


def test_half_a_frame_and_the_end(start: Start) -> None:
    engine = start()
    engine.send_bytes(b"\0\0\0\x20\0\0\0\0{")
    engine.process.stdin.close()
    assert engine.wait_for(Failed).job is None
    assert engine.exit_code() == 2


def test_the_end_of_the_pipe_is_its_end_also_in_a_job(start: Start) -> None:
    engine = start()
    engine.start(act="busy", steps=1, seconds=60)
    engine.wait_for(Started)
    engine.process.stdin.close()
    assert engine.exit_code() == 0


def test_it_leaves_when_asked(start: Start) -> None:
    engine = start()
    assert isinstance(engine.run(), Done)
    engine.send(Shutdown())
    assert engine.exit_code() == 0


@pytest.mark.skipif(sys.platform == "win32", reason="there it is the studio's job object")
def test_ctrl_c_in_the_terminal_is_the_studio_s_affair(start: Start) -> None:
    engine = start()
    os.kill(engine.pid, signal.SIGINT)
    assert isinstance(engine.ping(), Pong)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_window_goes_first(start: Start) -> None:
    engine = start()
    assert psutil.Process(engine.pid).nice() >= 10
    assert int(Path(f"/proc/{engine.pid}/oom_score_adj").read_text()) >= 500


PARENT = """
import subprocess, sys, time
engine = subprocess.Popen([sys.executable, "-m", "studio.engine", "--families", sys.argv[1]],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE)
sys.path[:0] = sys.argv[2:]
from studio.wire import frames
assert frames.read(engine.stdout) is not None
if "hold" in sys.argv:
    import os
    holder = subprocess.Popen(["sleep", "60"], pass_fds=[engine.stdin.fileno()])
    print(holder.pid, end=" ")
print(engine.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a watcher or the studio's job object does it")
@pytest.mark.parametrize("hold", [False, True], ids=["pipes closed", "pipe kept open by another"])
def test_it_is_gone_when_the_studio_is_killed(hold: bool, root: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, "families", str(root), *(["hold"] if hold else [])],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    *holders, pid = map(int, parent.stdout.readline().split())
    assert psutil.pid_exists(pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    try:
        assert gone(pid, 2)
    finally:
        for holder in holders:
            os.kill(holder, signal.SIGKILL)


@pytest.mark.skipif(sys.platform == "win32", reason="there it is the studio's job object")
@pytest.mark.parametrize("first", ["parent", "child"])
def test_the_watcher_ends_the_child_with_its_parent_and_itself_with_either(first: str) -> None:
    parent, child = (subprocess.Popen(["sleep", "60"]) for _ in range(2))
    watcher = lifeline.watch(parent.pid, child.pid)
    try:
        time.sleep(0.2)
        assert watcher.poll() is None
        ended = parent if first == "parent" else child
        ended.kill()
        ended.wait()
        if first == "parent":
            assert child.wait(5) == -signal.SIGKILL
        watcher.wait(5)
        assert (parent.poll() is None) == (first == "child")
    finally:
        for process in (parent, child):
            process.kill()
            process.wait()
