"""With a stand-in for the system's command that behaves as it does: it holds until its input ends."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from studio.services.awake import Awake

linux = pytest.mark.skipif(sys.platform != "linux", reason="the command is Linux's")


@pytest.fixture
def inhibit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    command = tmp_path / "systemd-inhibit"
    command.write_text(f'#!/bin/sh\necho "$$ $*" >> "{tmp_path}/calls"\ncat\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return tmp_path / "calls"


def called(calls: Path) -> str:
    deadline = time.monotonic() + 20
    while not calls.exists() or not calls.read_text().strip():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return calls.read_text()


@linux
def test_holds_and_releases(inhibit: Path) -> None:
    awake = Awake("drawing")
    awake.hold()
    awake.hold()
    assert awake.active
    pid, _, options = called(inhibit).strip().partition(" ")
    assert "--what=idle:sleep" in options
    assert "--why=drawing" in options
    assert len(inhibit.read_text().splitlines()) == 1
    awake.release()
    awake.release()
    assert not awake.active
    assert not psutil.pid_exists(int(pid))


@linux
def test_a_killed_studio_lets_the_computer_sleep(inhibit: Path) -> None:
    code = (
        "import time\nfrom studio.services.awake import Awake\n"
        "awake = Awake()\nawake.hold()\nprint(flush=True)\ntime.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        pid = int(called(inhibit).split()[0])
        process.kill()
    deadline = time.monotonic() + 20
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@linux
def test_harmless_where_there_is_no_way(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with Awake() as awake:
        assert not awake.active


@linux
def test_harmless_where_the_command_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    command = tmp_path / "systemd-inhibit"
    command.write_text("#!/bin/sh\nexit 1\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with Awake():
        pass
