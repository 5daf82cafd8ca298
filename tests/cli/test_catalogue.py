"""`studio models search | get | licences` in a terminal, against a hub on loopback."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from studio.cli.home import open_library
from studio.cli.main import run
from tests.fakes.file_server import FileServer, serving
from tests.services import repositories
from tests.services.repositories import COMMIT

REPO = "maker/model-GGUF"
LICENCE = b"You may. Be kind."


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FileServer]:
    with serving() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        files = {
            "m-Q4_K_M.gguf": repositories.gguf(tmp_path, 1000),
            "m-Q8_0.gguf": repositories.gguf(tmp_path, 9000),
            "LICENSE.md": LICENCE,
        }
        server.hub(REPO, COMMIT, files, tags=["license:other"])
        yield server


class Typed(io.StringIO):
    """What somebody types."""

    def isatty(self) -> bool:
        return True


def get(*arguments: str) -> int:
    return run(["models", "get", *arguments])


def here(capsys: pytest.CaptureFixture[str], model_id: str) -> dict[str, Any] | None:
    capsys.readouterr()
    assert run(["models", "show", model_id, "--json"]) == 0
    return json.loads(capsys.readouterr().out)["installed"]


def test_a_repository_is_fetched_when_its_licence_is_accepted(
    server: FileServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert get(REPO, "--yes", "--json") == 0
    captured = capsys.readouterr()
    told = json.loads(captured.out)
    assert told["id"] == "maker--model-GGUF+Q4_K_M"
    assert told["installed"]["commit"] == COMMIT
    assert "other" in captured.err
    assert get(f"https://huggingface.co/{REPO}", "--variant", "Q8_0", "--yes") == 0
    assert here(capsys, "maker--model-GGUF+Q8_0") is not None


def test_every_form_is_told_with_its_verdict(server: FileServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "probe", f"https://huggingface.co/{REPO}", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [form["name"] for form in told["variants"]] == ["Q4_K_M", "Q8_0"]
    for form in (*told["variants"], told):
        assert form["fit"] in ("green", "amber", "red")
        assert form["memory_bytes"] > 0
    assert run(["models", "probe", REPO]) == 0
    assert capsys.readouterr().out.count("of memory") == 3


def test_nobody_to_ask_means_no(server: FileServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert get(REPO) == 1
    assert "error: licence: " in capsys.readouterr().err
    assert here(capsys, "maker--model-GGUF+Q4_K_M") is None


@pytest.mark.parametrize(("answer", "code"), [("n\n", 130), ("", 130), ("y\n", 0), ("r\ny\n", 0)])
def test_the_licence_is_asked_for(
    server: FileServer,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    code: int,
) -> None:
    monkeypatch.setattr("sys.stdin", Typed(answer))
    assert get(REPO) == code
    asked = capsys.readouterr().err
    assert "Accept the licence" in asked
    assert (LICENCE.decode() in asked) == answer.startswith("r")
    assert (here(capsys, "maker--model-GGUF+Q4_K_M") is not None) == (code == 0)


def test_what_is_to_come_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    coming = next(e.model.id for e in open_library().entries() if e.model.status == "coming")
    assert get(coming, "--yes") == 1
    assert capsys.readouterr().err.startswith("error: model.coming: ")


def test_both_the_catalogue_and_the_hub_are_searched(
    server: FileServer, capsys: pytest.CaptureFixture[str]
) -> None:
    row = {
        "id": "a/one",
        "modelId": "a/one",
        "pipeline_tag": "text-generation",
        "downloads": 1234,
        "tags": [],
    }
    server.files["/api/models"] = json.dumps([row]).encode()
    server.types["/api/models"] = "application/json"
    assert run(["models", "search", "coder", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [hit["repo"] for hit in told["hub"]] == ["a/one"]
    assert any("coder" in each["id"] for each in told["catalogue"])
    assert not any("musicgen" in each["id"] for each in told["catalogue"])
    assert run(["models", "search", "coder", "--task", "text"]) == 0
    words = capsys.readouterr().out
    assert "a/one" in words
    assert "1,234" in words


def test_offline_the_catalogue_is_searched_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "search", "coder", "--json"], offline=True) == 0
    captured = capsys.readouterr()
    told = json.loads(captured.out)
    assert told["hub"] is None
    assert told["catalogue"]
    assert "offline" in captured.err


@pytest.mark.parametrize("wrong", [["--task", "unicorns"], ["--sort", "colour"]])
def test_a_search_that_cannot_be(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "search", "x", *wrong], offline=True) == 2
    assert "usage" in capsys.readouterr().err


def test_licences_of_all_and_together(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "licences", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert len(told["models"]) >= 60
    assert "together" not in told
    free = next(name for name, one in told["models"].items() if one["commercial"] == "yes")
    never = next(name for name, one in told["models"].items() if one["commercial"] == "no")
    assert run(["models", "licences", free, never, "--json"]) == 0
    both = json.loads(capsys.readouterr().out)
    assert both["together"]["commercial"] == "no"
    assert run(["models", "licences", free, never]) == 0
    assert "may not be sold" in capsys.readouterr().out
