"""The real studio with its real packages: collected here, and installed where there is no network at all."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.terminal import ROOT, environment

SECONDS = 1500

# What `run.py --bundle` does once this checkout is set up, which it is: it runs the tests.
COLLECT = """
import sys
from pathlib import Path
from installer import collect, say
sys.exit(say.guard(lambda words: collect.collect(Path(words[0]), models=None, cpu=True) or 0, sys.argv[1:]))
"""
ONLINE = "import socket; socket.create_connection(('192.0.2.1', 80), 5)"


def can_be_cut_off() -> bool:
    """Whether a process without any network can be started: a namespace of its own, with no device in it."""
    if sys.platform != "linux" or shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", "-rn", "true"], check=False, capture_output=True).returncode == 0


def run(*command: str, cwd: Path, **changes: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=cwd,
        env=environment(**changes),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=SECONDS,
        check=False,
    )


@pytest.mark.heavy
@pytest.mark.timeout(2 * SECONDS)
@pytest.mark.skipif(
    not can_be_cut_off(), reason="this system starts no process without a network: unshare -rn"
)
def test_a_computer_that_has_never_been_online(tmp_path: Path, home: Path) -> None:
    models = os.environ.get("STUDIO_TEST_MODELS")
    home.mkdir()
    if models:
        shutil.copytree(models, home / "models")  # a studio may put it in order
    stick = tmp_path / "U 盘 stick"
    collected = run(sys.executable, "-c", COLLECT, str(stick), cwd=ROOT)
    assert collected.returncode == 0, collected.stderr
    assert "run.py --from ." in collected.stderr

    fresh = {
        "STUDIO_HOME": str(tmp_path / "new home"),
        "PYTHONPATH": "",
        "PIP_INDEX_URL": "",
        "PIP_FIND_LINKS": "",
    }
    alone = ["unshare", "-rn", str(Path(sys.base_prefix, "bin", "python3"))]
    online = run(*alone, "-c", ONLINE, cwd=stick)
    assert "unreachable" in online.stderr
    installed = run(
        *alone, "program/installer/run.py", "--from", ".", "machine", "--json", cwd=stick, **fresh
    )
    assert installed.returncode == 0, installed.stderr
    assert json.loads(installed.stdout)["ram"]["total_bytes"] > 0

    python = str(stick / "program" / ".venv" / "bin" / "python")
    picture = tmp_path / "苹果.png"
    words = ("generate", "image", "red apple", "--model", "starter-icons", "--steps", "4", "-o", str(picture))
    drawn = run("unshare", "-rn", python, "-m", "studio", *words, cwd=tmp_path, **fresh)
    assert drawn.returncode == 0, drawn.stderr
    assert picture.read_bytes().startswith(b"\x89PNG")
    if models:
        words = ("generate", "text", "Say hello.", "--max-tokens", "8")
        written = run("unshare", "-rn", python, "-m", "studio", *words, cwd=tmp_path, **fresh)
        assert written.returncode == 0, written.stderr
        assert written.stdout.strip()
