from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from studio.services.instance import Instance
from studio.services.paths import Paths

FIRST = """
import sys, time
from pathlib import Path
from studio.services.instance import Instance
from studio.services.paths import Paths
instance = Instance(Paths.under(Path(sys.argv[1])))
print(instance.acquire(), flush=True)
time.sleep(600)
"""


def start_first(home: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", FIRST, str(home)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline().strip() == "True"
    return process


def test_a_second_one_is_refused_and_a_killed_first_does_not_block(tmp_path: Path) -> None:
    first = start_first(tmp_path)
    try:
        second = Instance(Paths.under(tmp_path))
        assert not second.acquire()
        first.send_signal(signal.SIGKILL if sys.platform != "win32" else signal.SIGTERM)
        first.wait(30)
        assert second.acquire()
        second.release()
    finally:
        first.kill()
        first.wait(30)
        assert first.stdout
        first.stdout.close()


def test_other_homes_are_other_studios(tmp_path: Path) -> None:
    one, other = Instance(Paths.under(tmp_path / "a")), Instance(Paths.under(tmp_path / "b"))
    assert one.acquire()
    assert other.acquire()
    one.release()
    other.release()


async def test_a_call_brings_the_first_to_the_front(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = Paths.under(tmp_path)
    first, second = Instance(paths), Instance(paths)
    assert first.acquire()
    calls = first.calls()
    waiting = asyncio.ensure_future(anext(calls))
    assert not second.acquire()
    monkeypatch.setenv("XDG_ACTIVATION_TOKEN", "token-1")
    second.call()
    assert (await asyncio.wait_for(waiting, 10)).activation == "token-1"
    waiting = asyncio.ensure_future(anext(calls))
    second.call()
    await asyncio.wait_for(waiting, 10)
    await calls.aclose()
    first.release()


async def test_an_old_call_wakes_nobody(tmp_path: Path) -> None:
    paths = Paths.under(tmp_path).create()
    Instance(paths).call()
    first = Instance(paths)
    assert first.acquire()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(first.calls()), 0.8)
    first.release()
