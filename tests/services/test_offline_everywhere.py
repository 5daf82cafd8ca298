"""N1: offline means offline. The program without a network, seen from outside, in every process it starts."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.cli.terminal import command, environment

SECONDS = 900


def can_unshare(*flags: str) -> bool:
    if sys.platform != "linux" or shutil.which("unshare") is None:
        return False
    return subprocess.run(["unshare", *flags, "true"], check=False, capture_output=True).returncode == 0


no_network = pytest.mark.skipif(
    not can_unshare("-rn"), reason="this system lets no user cut the network: unshare -rn"
)
own_names = pytest.mark.skipif(
    not can_unshare("-rnm") or shutil.which("ip") is None,
    reason="this system lets no user set up names: unshare -rnm",
)
traced = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    return environment(STUDIO_HOME=str(tmp_path / "home"), HF_HOME=str(tmp_path / "hf"))


def run(*words: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, check=False, capture_output=True, text=True, timeout=SECONDS, env=env)


@no_network
@pytest.mark.parametrize(
    "words",
    [
        ("models", "list"),
        ("models", "mirrors"),
        ("settings", "get"),
        ("connections",),
        ("machine",),
        ("token",),
    ],
)
def test_what_needs_no_network_works_without(home: dict[str, str], words: tuple[str, ...]) -> None:
    done = run("unshare", "-rn", *command(*words, "--json"), env=home)
    assert done.returncode == 0, done.stderr
    json.loads(done.stdout)


@no_network
@pytest.mark.heavy
@pytest.mark.timeout(SECONDS)
@pytest.mark.parametrize("task", ["image", "text", "speech"])
def test_results_are_made_without_a_network(home: dict[str, str], tmp_path: Path, task: str) -> None:
    models = os.environ.get("STUDIO_TEST_MODELS")
    if task != "image" and not models:
        pytest.skip("STUDIO_TEST_MODELS names no folder with the starter models")
    if models:
        run(*command("settings", "set", "models", models), env=home)
    done = run("unshare", "-rn", *command("generate", task, "red apple"), env=home)
    assert done.returncode == 0, done.stderr


@no_network
@traced
@pytest.mark.heavy
@pytest.mark.timeout(SECONDS)
def test_not_one_internet_socket_is_opened(home: dict[str, str], tmp_path: Path) -> None:
    """From the first import to the file, in the program, its engine and whatever these start."""
    log = tmp_path / "sockets"
    trace = ["strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=socket", "-o", str(log)]
    done = run("unshare", "-rn", *trace, *command("generate", "image", "red apple", "--offline"), env=home)
    assert done.returncode == 0, done.stderr
    assert "AF_INET" not in log.read_text()
    control = "import socket; socket.socket(socket.AF_INET)"
    run(*trace, sys.executable, "-c", control, env=home)
    assert "AF_INET" in log.read_text(), "the trace sees them"


OPEN = """
import asyncio, socket, sys, time
silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
silent.bind(("127.0.0.1", 53))  # names are asked here, and nobody reads it
began = time.monotonic()
lookups = []
sys.addaudithook(lambda event, args: lookups.append(args) if event == "socket.getaddrinfo" else None)
from pathlib import Path
from tests.bench.window import run

async def script(studio, frame):
    frame.window.go("models")
    await asyncio.sleep(0.5)
    return time.monotonic() - began

taken = run(Path(sys.argv[1]), script)
asked = len(lookups)
began = time.monotonic()
try:
    socket.getaddrinfo("huggingface.co", 443)
except OSError:
    pass
print(taken, asked, len(lookups), time.monotonic() - began)
"""

# Names are asked of this computer itself.
SILENT = """
ip link set lo up
mount --bind "$1" /etc/resolv.conf
shift
exec "$@"
"""


@own_names
def test_it_starts_as_fast_when_names_are_answered_by_nobody(home: dict[str, str], tmp_path: Path) -> None:
    names, script = tmp_path / "resolv.conf", tmp_path / "open.py"
    names.write_text("nameserver 127.0.0.1\noptions timeout:3 attempts:1\n")
    script.write_text(textwrap.dedent(OPEN))
    env = {**home, "QT_QPA_PLATFORM": "offscreen"}
    python = [sys.executable, str(script), str(tmp_path / "home")]
    done = run("unshare", "-rnm", "sh", "-c", SILENT, "sh", str(names), *python, env=env)
    assert done.returncode == 0, done.stderr
    taken, asked, then, waited = map(float, done.stdout.split())
    assert asked == 0, "nothing is looked up at the start"
    assert taken < 60
    assert then == 1
    assert waited > 2, "names are dead indeed"
