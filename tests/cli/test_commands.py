"""Commands that need no engine, and every way to use the terminal wrongly."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from studio import __version__
from studio.cli.main import run
from studio.domain import text
from studio.families.registry import families
from tests.cli.terminal import studio
from tests.fakes.file_server import serving
from tests.fakes.model_files import gguf, gguf_text, safetensors, write
from tests.services import repositories


def test_version() -> None:
    done = studio("version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{__version__}\n", "")


def test_commands_start_without_the_heavy_libraries() -> None:
    code = (
        "import sys\nfrom studio.cli.main import run\n"
        "run(['models', 'list']); run(['machine']); run(['generate', 'text', '--help'])\n"
        "print([m for m in ('torch', 'diffusers', 'transformers', 'numpy', 'PySide6') if m in sys.modules],"
        " file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=120
    )
    assert done.stderr == "[]\n"


def test_machine_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["machine", "--json"]) == 0
    machine = json.loads(capsys.readouterr().out)
    assert machine["cpu"]["logical_cores"] >= 1
    assert machine["ram"]["total_bytes"] > machine["ram"]["available_bytes"] > 0
    assert {"disks", "accelerators", "os", "python"} <= machine.keys()
    assert machine["abilities"].keys() >= {"text", "image", "speech"}
    for ability in machine["abilities"].values():
        assert ability.keys() == {"verdict", "best_model", "seconds"}
        assert ability["verdict"] in {"comfortable", "slow", "not possible"}


def test_machine_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["machine"]) == 0
    told = capsys.readouterr().out
    assert "Processor" in told
    assert "Starter icons" in told


def test_models_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "list", "--json"]) == 0
    models = json.loads(capsys.readouterr().out)
    starters = [model for model in models if model.get("starter")]
    assert {task for model in starters for task in model["tasks"]} >= {"text", "image", "speech"}
    one = starters[0]["id"]
    assert run(["models", "show", one, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown.pop("records") == []  # it came with the program
    assert shown in models


def test_models_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    run(["models", "list", "--json"])
    models = json.loads(capsys.readouterr().out)
    assert run(["models", "list"]) == 0
    listed = capsys.readouterr().out
    assert all(model["id"] in listed for model in models)
    assert run(["models", "show", models[0]["id"]]) == 0
    shown = capsys.readouterr().out
    assert models[0]["licence"]["url"] in shown


@pytest.mark.parametrize("command", [["show"], ["get"], ["remove"]])
def test_a_model_that_nobody_knows(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", *command, "unicorn-7b"]) == 1
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "error: model.missing: The model “unicorn-7b” is not on this computer."
    assert told[1]


def test_nothing_is_fetched_offline(capsys: pytest.CaptureFixture[str]) -> None:
    run(["models", "list", "--json"])
    models = json.loads(capsys.readouterr().out)
    absent = next(model["id"] for model in models if not model["installed"] and model["status"] == "ready")
    assert run(["models", "get", absent], offline=True) == 1
    error, hint = capsys.readouterr().err.splitlines()
    assert error.startswith("error: download.offline: ")
    assert "--offline" in hint


def test_a_model_on_the_hub_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        files = repositories.sharded()
        server.hub("maker/model", repositories.COMMIT, files, tags=["license:mit"], gated="auto")
        assert run(["models", "probe", "maker/model", "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert run(["models", "probe", "maker/model"]) == 0
        words = capsys.readouterr().out
    assert (told["repo"], told["commit"]) == ("maker/model", repositories.COMMIT)
    assert told["family"] in families()
    weights = sum(len(data) for name, data in files.items() if name.startswith("model-"))
    assert 0.99 * weights < told["parts"]["model"]["types"]["F16"] == 2 * told["parameters"] < weights
    assert told["bytes"] == sum(file["bytes"] for file in told["files"]) > weights
    assert (told["licence"], told["gated"], told["variants"]) == ("mit", True, [])
    number = f"{told['parameters'] / 1e6:.1f} M parameters"
    assert all(word in words for word in ("maker/model", repositories.COMMIT, "mit", number))


def test_a_model_on_the_hub_is_not_looked_at_offline(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "probe", "maker/never-asked"], offline=True) == 1
    assert capsys.readouterr().err.startswith("error: download.offline: ")


def test_what_comes_with_the_program_stays(capsys: pytest.CaptureFixture[str]) -> None:
    run(["models", "list", "--json"])
    models = json.loads(capsys.readouterr().out)
    bundled = next(m["id"] for m in models if m["installed"] and not m["installed"]["removable"])
    assert run(["models", "get", bundled]) == 0
    assert run(["models", "remove", bundled]) == 2
    assert "cannot be removed" in capsys.readouterr().err
    run(["models", "list", "--json"])
    assert json.loads(capsys.readouterr().out) == models


def test_a_failure_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "show", "unicorn-7b", "--json"]) == 1
    captured = capsys.readouterr()
    error = json.loads(captured.out)["error"]
    assert error["code"] == "model.missing"
    assert error["message"]
    assert error["hint"]
    assert captured.err == ""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["modles"], "Did you mean models?"),
        (["models", "lst"], "Did you mean list?"),
        (["models", "show"], "ID is missing."),
        (["models", "show", "a", "b"], "One word too many: b"),
        (["machine", "--jsn"], "Did you mean --json?"),
        (["generate", "pictures", "x"], "There is no pictures."),
        (["generate", "imge", "x"], "Did you mean image?"),
        (["version", "now"], "One word too many: now"),
    ],
)
def test_wrong_use(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    first, hint = captured.err.splitlines()
    assert first.startswith("error: usage: ")
    assert says in first
    assert "--help" in hint


def test_wrong_use_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models", "list", "--json", "--al"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "usage"


@pytest.mark.parametrize("arguments", [["--help"], ["models", "--help"], ["machine", "--help"]])
@pytest.mark.parametrize("language", text.LANGUAGES)
def test_help(
    arguments: list[str],
    language: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LC_ALL", f"{language}.UTF-8")
    assert run(arguments) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("用法：" if language == "zh_CN" else "Usage:")
    if language == "zh_CN":
        assert "Usage" not in shown
        assert "Show" not in shown
    assert "cli." not in shown


def test_help_of_a_task_lists_the_settings_of_its_models(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["generate", "image", "--help"]) == 0
    shown = capsys.readouterr().out
    for option in ("--negative", "--size", "--steps", "--guidance", "--scheduler", "--count", "--seed"):
        assert option in shown
    assert run(["generate", "text", "--help"]) == 0
    shown = capsys.readouterr().out
    for option in ("--max-tokens", "--temperature", "--system"):
        assert option in shown


def test_a_group_without_a_command_shows_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["models"]) == 2
    assert "remove" in capsys.readouterr().out


def test_the_settings_choose_the_language(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "config").mkdir(parents=True)
    (home / "config" / "settings.json").write_text('{"language": "zh_CN"}')
    assert run(["models", "show", "x"]) == 1
    assert capsys.readouterr().err.startswith("error: model.missing: ")
    assert text.language() == "zh_CN"


@pytest.mark.logs
def test_broken_settings_are_told_and_stop_nothing(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "config").mkdir(parents=True)
    (home / "config" / "settings.json").write_text("{")
    assert run(["version"]) == 0
    assert "settings.broken-" in capsys.readouterr().err


@pytest.mark.skipif(os.name != "posix", reason="a folder nobody can write to is POSIX here")
def test_a_home_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    done = studio("machine", STUDIO_HOME="/proc/nowhere")
    assert done.returncode == 1
    assert done.stderr.startswith("error: output.unwritable: Nothing can be saved to /proc/nowhere")


def test_offline_and_the_rest_come_before_the_command() -> None:
    done = studio("--offline", "version")
    assert (done.returncode, done.stdout) == (0, f"{__version__}\n")


def test_a_closed_pipe_is_no_error() -> None:
    command = f'"{sys.executable}" -m studio models list | head -c 10'
    done = subprocess.run(
        ["/bin/sh", "-c", command], check=False, capture_output=True, text=True, timeout=120
    )
    assert done.stderr == ""


def test_models_of_other_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path / "home"))
    qwen = gguf(gguf_text("general.architecture", "qwen2")) + b"\0" * 600
    embedding = safetensors({"emb_params": ("F32", [1, 768], b"\0" * 3072)})
    folder = write(tmp_path / "theirs", {"a/q.gguf": qwen, "b/q.gguf": qwen, "e.safetensors": embedding})
    assert run(["models", "scan", str(folder), "--add", "--duplicates", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    by_title = {(seen["title"], seen["runnable"]): seen for seen in told["found"]}
    assert by_title["q.gguf", True]["added"] is True
    assert by_title["e.safetensors", False]["why"]["code"] == "model.part"
    assert [sorted(copies) for copies in told["duplicates"]] == [
        [str(folder / "a" / "q.gguf"), str(folder / "b" / "q.gguf")]
    ]
    assert run(["models", "scan", str(folder)]) == 0
    shown = capsys.readouterr().out
    assert "Stable Diffusion 1.x" in shown
    assert "Embedding" in shown
    assert run(["models", "scan", str(folder / "e.safetensors"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["found"][0]["kind"] == "embedding"
    assert run(["models", "scan", str(tmp_path / "none")]) == 1
    assert run(["models", "list", "--json"]) == 0
    listed = [model["id"] for model in json.loads(capsys.readouterr().out)]
    assert str(folder / "a" / "q.gguf") in listed
