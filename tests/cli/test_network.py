"""Settings, sources, the record of connections and tokens in the terminal; --offline wherever it stands."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.services.connections import Connections, Line
from tests.cli.terminal import studio
from tests.fakes.file_server import FileServer, serving
from tests.services.shops import COMMIT, REPO


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    for name in ("HF_TOKEN", "HF_ENDPOINT", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "home"


@pytest.fixture
def server() -> Iterator[FileServer]:
    with serving() as server:
        server.hub(REPO, COMMIT, {"config.json": b"{}"})
        yield server


def error_of(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    return json.loads(done.stdout)["error"]


def test_a_setting_there_and_back(home: Path) -> None:
    assert studio("settings", "get", "bandwidth").stdout == "0\n"
    assert json.loads(studio("settings", "set", "bandwidth", "2.5 MB", "--json").stdout) == {
        "bandwidth": 2_500_000
    }
    assert studio("settings", "get", "bandwidth").stdout == "2500000\n"
    assert studio("settings", "set", "bandwidth").returncode == 0
    assert json.loads(studio("settings", "get", "bandwidth", "--json").stdout) == {"bandwidth": 0}


def test_all_settings(home: Path) -> None:
    known = json.loads(studio("settings", "get", "--json").stdout)
    assert {"language", "offline", "mirrors", "proxy", "package_index", "bandwidth"} <= known.keys()
    assert all(name in studio("settings", "get").stdout for name in known)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("mirors", "hub", "Did you mean mirrors?"),
        ("shortcuts", "x", "shortcuts"),
        ("offline", "maybe", "on or off"),
        ("mirrors", "hub,http://far.example", "hf-mirror"),
        ("proxy", "ftp://x", "socks5://"),
        ("proxy", "http://anna:word@x:1", "without a password"),
        ("bandwidth", "fast", "5MB"),
        ("theme", "pink", "dark"),
        ("threads", "-1", "0 to 1024"),
        ("package_index", "http://far.example/simple", "https"),
    ],
)
def test_what_cannot_be_set_is_refused_in_words(home: Path, name: str, value: str, said: str) -> None:
    done = studio("settings", "set", name, "--json", "--", value)
    assert done.returncode == 2
    error = error_of(done)
    assert said in error["message"] + error["hint"]
    assert not (home / "config" / "settings.json").exists()


def test_a_running_studio_keeps_what_the_terminal_set(home: Path) -> None:
    from studio.services.paths import Paths
    from studio.services.settings import SettingsStore

    window = SettingsStore(Paths.under(home).create())
    studio("settings", "set", "mirrors", "hf-mirror,hub")
    window.change(theme="dark")
    assert SettingsStore(Paths.under(home)).value.mirrors == ("hf-mirror", "hub")
    studio("settings", "set", "offline", "on")
    told = []
    window.changed.connect(told.append)
    window.catch_up()
    assert told == [window.value]
    assert window.value.offline


def test_the_sources(home: Path) -> None:
    assert "have not been measured" in studio("models", "mirrors").stderr
    studio("settings", "set", "mirrors", "modelscope")
    data = json.loads(studio("models", "mirrors", "--json").stdout)
    assert data["chosen_by"] == "settings"
    assert [row["name"] for row in data["sources"] if row["place"]] == ["modelscope"]
    assert {row["name"] for row in data["sources"]} == {"hub", "hf-mirror", "modelscope"}
    assert error_of(studio("models", "mirrors", "--test", "--offline", "--json"))["code"] == "network.offline"


def test_the_record(home: Path) -> None:
    assert "not made a connection" in studio("connections").stderr
    record = Connections(home / "logs")
    record.add(Line(use="a", when=1.0, why="sources", host="huggingface.co:443"))
    record.add(Line(use="a", when=2.0, why="sources", sent=900, received=4_200_000))
    record.add(Line(use="b", when=3.0, host="tracker.example:443", refused=True))
    words = studio("connections").stdout
    assert "speed test of the sources" in words
    assert "4 MB" in words
    assert "refused: offline" in words
    refused, use = json.loads(studio("connections", "--json").stdout)["uses"]
    assert refused["refused"]
    assert (use["hosts"], use["received"]) == (["huggingface.co:443"], 4_200_000)
    assert len(json.loads(studio("connections", "--json", "--limit", "1").stdout)["uses"]) == 1


def test_a_token_is_typed_and_its_place_is_said(home: Path) -> None:
    assert "No token yet" in studio("token").stdout
    done = studio("token", "set", stdin=b"hf_abcdefghijkl\n")
    assert "only you can read" in done.stdout
    assert "hf_abcdefghijkl" not in done.stdout + done.stderr
    file = home / "config" / "secrets.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(studio("token", "--json", HF_TOKEN="hf_of_this_run").stdout)["place"] == "environment"
    assert studio("token", "set", "hf_in_the_open").returncode == 2
    assert studio("token", "set", "--for", "moon").returncode == 2
    assert studio("token", "remove").returncode == 0
    assert not file.exists()


@pytest.mark.parametrize(
    "words",
    [
        ("--offline", "models", "probe", REPO),
        ("models", "--offline", "probe", REPO),
        ("models", "probe", "--offline", REPO),
        ("models", "probe", REPO, "--offline"),
    ],
)
def test_offline_wherever_it_stands(home: Path, server: FileServer, words: tuple[str, ...]) -> None:
    assert error_of(studio(*words, "--json", HF_ENDPOINT=server.url))["code"] == "download.offline"
    assert server.asked == []


@pytest.mark.parametrize("name", ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_offline_by_the_hubs_variable(home: Path, server: FileServer, name: str) -> None:
    changes = {name: "1", "HF_ENDPOINT": server.url}
    assert error_of(studio("models", "probe", REPO, "--json", **changes))["code"] == "download.offline"
    assert server.asked == []


def test_and_without_it_the_server_is_asked(home: Path, server: FileServer) -> None:
    """The control."""
    studio("models", "probe", REPO, "--json", HF_ENDPOINT=server.url, HF_HUB_OFFLINE="0")
    assert server.asked


def test_offline_behind_a_double_dash_is_a_word(home: Path) -> None:
    assert studio("settings", "get", "--json", "--", "--offline").returncode == 2
