"""`studio doctor`, on the fake engine."""

from __future__ import annotations

import json
import re
import socket
from pathlib import Path
from typing import Any

import pytest

from studio.cli.main import run
from studio.services import studio as composition
from studio.services.doctor import CHECKS
from studio.services.doctor.case import Reached
from studio.services.downloads.route import Route
from tests.cli.terminal import studio
from tests.services.engines import command as fake

CHINESE = re.compile("[一-鿿]")


@pytest.fixture(autouse=True)
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(composition, "engine_command", lambda: fake(tmp_path))


def found(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    printed = capsys.readouterr()
    return json.loads(printed.out)


def failing(diagnosis: dict[str, Any]) -> list[str]:
    return [check["key"] for check in diagnosis["checks"] if check["state"] == "fail"]


def test_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    code = run(["doctor", "--json"])
    diagnosis = found(capsys)
    assert diagnosis.keys() == {"failed", "counts", "seconds", "checks"}
    assert {check["key"] for check in diagnosis["checks"]} == set(CHECKS)
    keys = {"key", "theme", "title", "state", "reason", "how", "action"}
    for check in diagnosis["checks"]:
        assert check.keys() == keys
        assert check["state"] in ("pass", "warn", "fail", "skipped")
        assert check["reason"]
    states = [check["state"] for check in diagnosis["checks"]]
    assert diagnosis["counts"] == {
        state: states.count(state) for state in ("pass", "warn", "fail", "skipped")
    }
    assert diagnosis["failed"] == bool(failing(diagnosis))
    assert code == (1 if failing(diagnosis) else 0)
    assert {"desktop.libraries", "disks.space"} >= set(failing(diagnosis)), "this computer, or a fault"


def test_what_is_wrong_makes_it_fail(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    (home / "config").mkdir(parents=True)
    (home / "config" / "settings.json").write_text('{"device": "cuda:9"}')
    assert run(["doctor", "--json"]) == 1
    assert "hardware.chosen" in failing(found(capsys))


@pytest.mark.logs
def test_it_works_where_nothing_else_does(
    capsys: pytest.CaptureFixture[str], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database that cannot be read stops every other command or is set aside; here it is a finding."""
    (home / "data").mkdir(parents=True)
    database = home / "data" / "studio.db"
    database.write_bytes(b"no database" * 1000)
    assert run(["doctor", "--json"]) == 1
    assert "data.database" in failing(found(capsys))
    assert database.exists()


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("en_GB.UTF-8", ("Graphics cards", "✓ In order", "Start and answer", "in order")),
        ("zh_CN.UTF-8", ("显卡", "✓ 正常", "启动与应答", "项正常")),
    ],
)
def test_in_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, locale: str, words: tuple[str, ...]
) -> None:
    monkeypatch.setenv("LC_ALL", locale)
    run(["doctor"])
    printed = capsys.readouterr()
    assert all(word in printed.out for word in words)
    assert not re.search(r"\bdoctor\.|[{}]", printed.out)
    assert bool(CHINESE.search(printed.out)) == locale.startswith("zh") or "家" in printed.out


def test_the_report_names_nobody(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "lei-laptop")
    monkeypatch.setenv("PULSE_SERVER", "")
    run(["doctor"])
    plain = capsys.readouterr().out
    folder = re.search(r"(/\S+)/", plain)
    assert folder is not None, "there is no folder to take out"
    monkeypatch.setenv("HOME", folder[1])
    run(["doctor", "--report"])
    text = capsys.readouterr().out
    assert text.startswith("AIGC Studio ")
    assert "== Network ==" in text
    assert folder[1] not in text
    assert "~" in text
    assert "lei-laptop" not in text


def test_the_network_is_asked_only_when_it_is_wanted(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def reach(name: str, logs: Path, route: Route) -> Reached:
        asked.append(name)
        return Reached(host=f"{name}.example", seconds=0.1, ahead=0.0, error="" if name != "hub" else "gone")

    monkeypatch.setattr("studio.services.doctor.examination.reach", reach)
    run(["doctor", "--json"])
    assert asked == []
    assert "network.hub" not in failing(found(capsys))
    run(["doctor", "--json", "--network"], offline=True)
    assert asked == []
    capsys.readouterr()
    run(["doctor", "--json", "--network"])
    assert asked == ["hub", "mirror", "index"]
    states = {check["key"]: check["state"] for check in found(capsys)["checks"]}
    network = [states[f"network.{name}"] for name in ("hub", "mirror", "index", "clock")]
    assert network == ["warn", "pass", "pass", "pass"]


def test_with_the_real_engine() -> None:
    done = studio("doctor", "--json")
    checks = {check["key"]: check for check in json.loads(done.stdout)["checks"]}
    assert checks["engine.answers"]["state"] == "pass", checks["engine.answers"]
    assert "torch" in checks["hardware.build"]["reason"]
    late = [key for key, check in checks.items() if "no answer within" in check["reason"]]
    assert late == []


def test_one_kind_of_output_at_a_time(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--report", "--json"]) == 2
    assert "--report" in capsys.readouterr().out
