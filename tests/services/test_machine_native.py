"""Drivers and commands that crash or never answer cost a reading, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from studio.services.machine import Live, native, sources
from studio.services.machine.native import Native, Silent
from studio.services.machine.read import together

PROGRAM = """
import json, os, sys, time
for line in sys.stdin:
    what, *arguments = json.loads(line)
    if what == "crash":
        os.abort()
    if what == "hang":
        time.sleep(600)
    print(json.dumps({"error": "no"} if what == "refuse" else {"answer": [what, os.getpid()]}), flush=True)
"""


@pytest.fixture
def made() -> Iterator[Callable[[list[str]], Native]]:
    every: list[Native] = []

    def make(command: list[str]) -> Native:
        every.append(Native(command))
        return every[-1]

    yield make
    for one in every:
        one.close()


def test_a_library_that_crashes_or_hangs_is_left_behind(
    made: Callable[[list[str]], Native], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(native, "SECONDS", 2.0)
    library = made([sys.executable, "-c", PROGRAM])
    first = library.ask("speak")
    assert library.ask("speak") == first  # the same process
    for trouble in ("crash", "hang"):
        with pytest.raises(Silent):
            library.ask(trouble)
        with pytest.raises(Silent, match="before"):  # not asked again so soon
            library.ask(trouble)
        assert library.ask("speak") != first  # another process, at once
    with pytest.raises(Silent, match="no"):
        library.ask("refuse")
    assert library.ask("speak")[0] == "speak"


def test_a_process_that_cannot_start(made: Callable[[list[str]], Native]) -> None:
    with pytest.raises(OSError, match="no-such-program"):
        made(["/no-such-program"]).ask("speak")


def test_the_real_process_answers(made: Callable[[list[str]], Native]) -> None:
    """There is no NVIDIA driver where tests run, or there is: either is an answer."""
    library = made(native._command())
    answer = library.ask("nvml")
    assert answer.keys() & {"error", "gpus"}
    assert library.ask("windows_cpu") is None or sys.platform == "win32"


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_a_command_that_hangs_is_ended_with_its_children(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "COMMAND_SECONDS", 0.5)
    script = tmp_path / "hangs"
    script.write_text(f"#!/bin/sh\nsleep 600 & echo $! > '{tmp_path}/child'\nwait\n")
    script.chmod(0o755)
    began = time.monotonic()
    assert Live().read("command", str(script)) is None
    assert time.monotonic() - began < 10
    child = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 10
    while _alive(child):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_what_cannot_be_read_is_none() -> None:
    live = Live()
    assert live.read("text", "/no/such/file") is None
    assert live.read("command", "/no/such/program") is None
    assert live.read("command", sys.executable, "-c", "raise SystemExit(3)") is None
    assert live.read("disk", "/no/such/folder") is None
    assert live.read("glob", "/no/such/*") == []


@pytest.mark.logs
def test_a_probe_that_fails_or_hangs_takes_no_other_with_it(caplog: pytest.LogCaptureFixture) -> None:
    def fails() -> int:
        raise ZeroDivisionError

    began = time.monotonic()
    probes = {"fine": lambda: 1, "fails": fails, "hangs": lambda: time.sleep(3), "late": lambda: 2}
    assert together(probes, seconds=0.5) == {"fine": 1, "late": 2}
    assert time.monotonic() - began < 2.5
    assert "fails failed" in caplog.text
    assert "hangs gave no answer" in caplog.text


def test_the_command_line_is_quick() -> None:
    """The bar is 1.5 s with the interpreter's start; here only that it is of that order."""
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "studio", "machine", "--json"],
        check=True,
        capture_output=True,
        env=os.environ,
        timeout=60,
    )
    assert done.stdout.startswith(b"{")
    assert time.monotonic() - began < 15
