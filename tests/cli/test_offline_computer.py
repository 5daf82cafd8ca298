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


pytestmark = [
    pytest.mark.heavy,
    pytest.mark.timeout(SECONDS),
    pytest.mark.skipif(not can_be_cut_off(), reason="no process without a network here: unshare -rn"),
]
ALONE = ("unshare", "-rn")
MODELS = os.environ.get("STUDIO_TEST_MODELS")


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


class Computer:
    """The other one: a folder that was carried there, a home in which nothing is yet, and no network."""

    def __init__(self, base: Path) -> None:
        self.stick = base / "U 盘 stick"
        self.python = str(Path(sys.base_prefix, "bin", "python3"))
        self._fresh = {"STUDIO_HOME": str(base / "new home"), "PYTHONPATH": ""}
        self._fresh |= {"PIP_INDEX_URL": "", "PIP_FIND_LINKS": "", "LC_ALL": "en_GB.UTF-8"}

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return run(*ALONE, self.python, *words, cwd=self.stick, **self._fresh)

    def studio(self, *words: str) -> subprocess.CompletedProcess[str]:
        return self.run("program/installer/run.py", *words)


@pytest.fixture(scope="module")
def computer(tmp_path_factory: pytest.TempPathFactory) -> Computer:
    """With the folder that this checkout has collected, its models too if there are some."""
    base = tmp_path_factory.mktemp("carried")
    if MODELS:
        shutil.copytree(MODELS, base / "home" / "models")  # a studio may put it in order
    made = Computer(base)
    home = str(base / "home")
    done = run(sys.executable, "-c", COLLECT, str(made.stick), cwd=ROOT, STUDIO_HOME=home)
    assert done.returncode == 0, done.stderr
    assert "run.py --from ." in done.stderr
    return made


def test_there_is_no_network(computer: Computer) -> None:
    assert "unreachable" in computer.run("-c", ONLINE).stderr


def test_it_installs_from_the_folder_alone(computer: Computer) -> None:
    done = computer.studio("--from", ".", "machine", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ram"]["total_bytes"] > 0


def test_it_draws(computer: Computer, tmp_path: Path) -> None:
    picture = tmp_path / "苹果.png"
    words = ("generate", "image", "red apple", "--model", "starter-icons", "--steps", "4", "-o", str(picture))
    done = computer.studio(*words)
    assert done.returncode == 0, done.stderr
    assert "•" not in done.stderr  # it is set up, and stays so
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.skipif(not MODELS, reason="STUDIO_TEST_MODELS is not set")
def test_it_writes_with_a_model_that_was_carried(computer: Computer) -> None:
    done = computer.studio("generate", "text", "Say hello.", "--max-tokens", "8")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
