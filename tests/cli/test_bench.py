"""`studio bench machine`, on the fake engine; stopped, on the real one."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from studio.cli.main import run
from studio.domain.text import catalogue
from studio.engine.bench.measure import SHARES
from studio.services import studio as composition
from tests.cli.terminal import command, environment
from tests.services.engines import command as fake


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def script(**measure: Any) -> None:
        monkeypatch.setattr(composition, "engine_command", lambda: fake(tmp_path, measure=measure))

    script()
    return script


def test_as_json(engine: Any, capsys: pytest.CaptureFixture[str], home: Path) -> None:
    assert run(["bench", "machine", "--json"]) == 0
    printed = capsys.readouterr()
    found = json.loads(printed.out)
    assert printed.err == ""
    assert (found["device"], found["best"]["precision"]) == ("cpu", "float32")
    (file,) = (home / "data" / "measurements").iterdir()
    assert json.loads(file.read_text(encoding="utf-8")) == found


def test_a_busy_computer_keeps_its_earlier_figures(
    engine: Any, capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    assert run(["bench", "machine", "--json"]) == 0
    earlier = json.loads(capsys.readouterr().out)
    engine(others=0.4)
    assert run(["bench", "machine"]) == 0
    said = capsys.readouterr().err
    assert "Other programs took 40 %" in said
    assert "stay in use" in said
    (file,) = (home / "data" / "measurements").iterdir()
    assert json.loads(file.read_text(encoding="utf-8")) == earlier


@pytest.mark.parametrize(
    ("locale", "words"),
    [("en_GB.UTF-8", ("Best setting", "Denoiser")), ("zh_CN.UTF-8", ("最佳设置", "去噪"))],
)
def test_in_words(
    engine: Any,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    locale: str,
    words: tuple[str, ...],
) -> None:
    monkeypatch.setenv("LC_ALL", locale)
    assert run(["bench", "machine", "--device", "cpu"]) == 0
    printed = capsys.readouterr()
    assert all(word in printed.out for word in words)
    assert "100 GFLOP/s" in printed.out  # 5e10 multiply-adds
    assert "bench." not in printed.out + printed.err


def test_a_device_that_cannot_be(engine: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "machine", "--device", "toaster"]) == 2
    assert "toaster" in capsys.readouterr().err
    assert run(["bench", "machine", "--device", "cuda:5"]) == 1
    assert "device.missing" in capsys.readouterr().err


def test_a_failure_is_told(engine: Any, capsys: pytest.CaptureFixture[str], home: Path) -> None:
    engine(failure={"code": "oom.ram"})
    assert run(["bench", "machine", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "oom.ram"
    assert not (home / "data" / "measurements").exists()


def test_every_section_has_words() -> None:
    words = catalogue("en")
    assert [section for section in SHARES if f"bench.section.{section}" not in words] == []


@pytest.mark.skipif(sys.platform == "win32", reason="signals of a terminal")
def test_ctrl_c_stops_it_and_keeps_nothing(home: Path) -> None:
    with subprocess.Popen(
        command("bench", "machine"), stderr=subprocess.PIPE, stdout=subprocess.PIPE, env=environment()
    ) as process:
        try:
            deadline = time.monotonic() + 120
            while not list((home / "models").glob(".bench-*")):  # it measures
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, out) == (130, b"")
    assert b"Cancelled" in err
    assert not (home / "data" / "measurements").exists()
    assert not list((home / "models").glob(".bench-*"))
