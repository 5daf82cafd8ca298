"""`studio generate` through real engines, and every wrong way to ask."""

from __future__ import annotations

import hashlib
import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import soundfile
from PIL import Image

from studio import __version__
from studio.cli.generate import _output, _understand
from studio.cli.main import run
from studio.cli.options import Misuse
from studio.domain.failure import StudioError
from studio.domain.family import FamilySpec, Memory
from studio.domain.model import ModelSource
from studio.domain.parameter import Seed
from studio.domain.request import Request
from studio.services.library.library import Resolved
from tests.cli.terminal import SECONDS, command, environment, studio
from tests.fakes.tiny_music import write_music
from tests.fakes.tiny_text import write_gguf


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tiny real language model, by path."""
    return str(write_gguf(tmp_path_factory.mktemp("models") / "tiny model.gguf"))


# --- with an engine -----------------------------------------------------------------------------


def test_an_image_as_json(tmp_path: Path) -> None:
    done = studio(
        *("generate", "image", "red apple", "--steps", "2", "--count", "2", "--seed", "7"),
        *("-o", "苹果 图.png", "--json", "--threads", "1", "--device", "cpu"),
        cwd=tmp_path,
    )
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert told.keys() == {"model", "version", "outputs", "timings", "peak", "loaded"}
    assert told["version"] == __version__
    assert told["timings"]["total"] >= told["timings"]["denoise"] > 0
    assert told["peak"]["ram_bytes"] > 100_000_000
    files = [tmp_path / "苹果 图-1.png", tmp_path / "苹果 图-2.png"]
    assert [Path(output["path"]) for output in told["outputs"]] == files
    assert [output["seed"] for output in told["outputs"]] == [7, 8]
    for output, file in zip(told["outputs"], files, strict=True):
        assert output.keys() == {"path", "sha256", "media_type", "seed"}
        assert output["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
        with Image.open(file) as picture:
            assert picture.size == (64, 64)
            assert "red apple" in picture.info["parameters"]


def test_the_way_to_compute_may_be_chosen(tmp_path: Path) -> None:
    """What is told is what was found in memory, not what was asked for."""
    done = studio(
        *("generate", "image", "red apple", "--steps", "1", "-o", "a.png", "--json", "--device", "cpu"),
        *("--plan", "attention=sliced", "--plan", "precision.text_encoder=bfloat16", "--plan", "slicing=on"),
        cwd=tmp_path,
    )
    assert (done.returncode, done.stderr) == (0, "")
    loaded = json.loads(done.stdout)["loaded"]
    assert (loaded["attention"], loaded["slicing"], loaded["offload"]) == ("sliced", True, "none")
    assert (loaded["precision"]["text_encoder"], loaded["precision"]["unet"]) == ("bfloat16", "float32")
    refused = studio(
        "generate", "image", "red apple", "--device", "cpu", "--plan", "offload=group", cwd=tmp_path
    )
    assert refused.returncode == 1
    assert "offload=group" in refused.stderr


def test_a_text_streams_and_is_kept(home: Path, model: str) -> None:
    done = studio("generate", "text", "the quick", "-m", model, "--max-tokens", "12", "--seed", "3")
    assert done.returncode == 0
    assert done.stderr == ""
    (file,) = (home / "outputs").rglob("*.txt")
    assert done.stdout == file.read_text(encoding="utf-8") + "\n"
    assert "the-quick" in file.name


def test_a_text_as_json_from_the_standard_input(tmp_path: Path, model: str) -> None:
    arguments = ("generate", "text", "-", "-m", model, "--max-tokens=5", "--seed=3", "--json")
    done = studio(*arguments, "-o", "out.md", cwd=tmp_path, stdin="苹果是红色的\n".encode())
    told = json.loads(done.stdout)
    assert told["model"] == model
    (output,) = told["outputs"]
    assert output["text"] == (tmp_path / "out.md").read_text(encoding="utf-8")
    assert output["media_type"] == "text/markdown"
    assert told["tokens"]["generated"] == 5
    assert told["tokens"].keys() == {"prompt", "generated", "per_second"}
    record = json.loads((tmp_path / "out.json").read_bytes()) if (tmp_path / "out.json").exists() else None
    beside = record or json.loads((tmp_path / "out.md.json").read_bytes())
    assert "苹果是红色的" in json.dumps(beside, ensure_ascii=False)


def test_a_prompt_from_a_file_and_no_overwriting_without_force(tmp_path: Path, model: str) -> None:
    (tmp_path / "prompt.txt").write_bytes("\ufeffthe small red apple\r\n".encode())
    out = tmp_path / "out.txt"
    out.write_text("mine")
    arguments = (
        "generate",
        "text",
        "--file",
        "prompt.txt",
        "-m",
        model,
        "--max-tokens",
        "5",
        "-o",
        "out.txt",
    )
    refused = studio(*arguments, cwd=tmp_path)
    assert refused.returncode == 1
    assert refused.stderr.startswith("error: output.unwritable: ")
    assert "--force" in refused.stderr
    assert out.read_text() == "mine"
    done = studio(*arguments, "--force", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout == out.read_text(encoding="utf-8") + "\n"
    assert done.stdout != "mine\n"


def test_speech_in_the_form_of_the_file_s_name(tmp_path: Path) -> None:
    done = studio("generate", "speech", "Good morning.", "-o", "a folder/hi.flac", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    file = tmp_path / "a folder" / "hi.flac"
    assert done.stdout == f"{file}\n"
    assert file.read_bytes()[:4] == b"fLaC"


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_stopping_in_the_middle(tmp_path: Path, home: Path, sent: signal.Signals) -> None:
    slow = write_gguf(tmp_path / "slow.gguf", layers=48)
    arguments = ("generate", "text", "go on", "-m", str(slow), "--max-tokens", "4000")
    with subprocess.Popen(
        command(*arguments), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.read(1)
        process.send_signal(sent)
        process.stdout.read()
        told = process.stderr.read().decode()
        assert process.wait(SECONDS) == 130
    assert told == "Cancelled.\n"
    assert list((home / "outputs").rglob("*.txt")) == []


def test_whoever_reads_may_stop_reading(model: str) -> None:
    arguments = ("generate", "text", "the", "-m", model, "--max-tokens", "2000")
    with subprocess.Popen(
        command(*arguments), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.read(1)
        process.stdout.close()
        told = process.stderr.read()
        assert process.wait(SECONDS) == 1
    assert told == b""


# --- wrong ways to ask, refused before an engine is started ---------------------------------------


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["image", ""], "PROMPT: please enter something"),
        (["image", "  \n "], "PROMPT: please enter something"),
        (["image"], "PROMPT: please enter something"),
        (["image", "x", "--size", "100x100"], "--size: not one of 64x64"),
        (["image", "x", "--size", "big"], "--size: write width and height, as in"),
        (["image", "x", "--steps", "0"], "--steps: must lie between 1 and"),
        (["image", "x", "--steps", "1000000"], "--steps: must lie between 1 and"),
        (["image", "x", "--count", "0"], "--count: must lie between 1 and"),
        (["image", "x", "--count", "-3"], "--count: must lie between 1 and"),
        (["image", "x", "--seed", "4294967296"], "--seed: must lie between 0 and 4294967295"),
        (["image", "x", "--seed", "1.5"], "--seed: not a whole number"),
        (["image", "x", "--guidance", "nan"], "--guidance: not a number"),
        (["image", "x", "--scheduler", "magic"], "--scheduler: not one of"),
    ],
)
def test_a_value_that_cannot_be(
    arguments: list[str], says: str, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["generate", *arguments]) == 2
    first, hint = capsys.readouterr().err.splitlines()
    assert first.startswith("error: param.invalid: ")
    assert says in first
    assert hint
    assert run(["generate", *arguments, "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "param.invalid"
    assert says in error["message"]
    assert not list((home / "outputs").glob("*"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["image", "x", "--stepz", "3"], "Did you mean --steps?"),
        (["image", "x", "--temperature", "1"], "There is no --temperature."),
        (["image", "red", "apple"], "One word"),
        (["image", "x", "--steps"], "--steps needs a value"),
        (["image", "x", "--force=1"], "--force takes no value."),
        (["image", "x", "--device", "gpu"], "--device is auto, cpu"),
        (["image", "x", "--threads", "-1"], "--threads is a whole number"),
        (["image", "x", "--file", "y"], "Give either a prompt or --file."),
        (["image", "x", "-o", "."], "--output names a file"),
        (["image", "x", "-o", "x.txt"], "Image: --output ends in .png, not in .txt."),
        (["speech", "Hi.", "-o", "x.mp3"], "Speech: --output ends in .wav / .flac, not in .mp3."),
    ],
)
def test_wrong_use(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["generate", *arguments]) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: usage: ")
    assert says.replace("One word", "The word too many: apple") in told


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["image", "x", "-m", "unicorn"], "model.missing"),
        (["image", "x", "-m", "/nowhere/model.gguf"], "model.missing"),
        (["text", "x"], "model.missing"),
        (["speech", "今天天气真好。"], "model.language"),
        (["image", "x", "--file", "/nowhere/prompt.txt"], "usage"),
        (["speech", "--file", "/nowhere/prompt.txt"], "param.invalid"),
    ],
)
def test_what_is_not_there(arguments: list[str], code: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["generate", *arguments, "--json"]) == (2 if code in ("usage", "param.invalid") else 1)
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == code
    assert error["message"]
    assert error["hint"]


@pytest.mark.parametrize(
    ("task", "values", "given", "named"),
    [
        ("image", {}, "apple", "apple.png"),
        ("image", {}, "APPLE.PNG", "APPLE.PNG"),
        ("speech", {"format": "flac"}, "hi", "hi.flac"),
        ("speech", {"format": "flac"}, "hi.wav", "hi.wav"),
        ("text", {}, "poem", "poem.txt"),
        ("text", {}, "poem.md", "poem.md"),
        ("dice", {}, "thrown.csv", "thrown.csv"),
    ],
)
def test_a_name_gets_the_ending_of_what_is_made(
    task: str, values: dict[str, Any], given: str, named: str, tmp_path: Path
) -> None:
    request = Request(task=task, family="any", model="any", values=values)
    assert _output({"output": str(tmp_path / given)}, request) == tmp_path / named
    (tmp_path / named).write_text("mine")
    with pytest.raises(StudioError, match=re.escape(named)):
        _output({"output": str(tmp_path / given)}, request)


def test_a_model_of_another_task(model: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["generate", "image", "x", "-m", model]) == 2
    assert "does not make this: Image" in capsys.readouterr().err


def test_a_prompt_for_a_model_that_takes_none() -> None:
    wordless = FamilySpec(
        name="wordless", tasks=("image",), parameters=(Seed(),), memory=Memory(base=0), phases={"load": 1.0}
    )
    resolved = Resolved(wordless, None, ModelSource(id="x", family="wordless"))
    with pytest.raises(Misuse, match="takes no prompt"):
        _understand(["red"], resolved)
    assert _understand(["--seed", "3"], resolved) == ({}, {"seed": 3})


def test_what_is_advised_can_be_typed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["generate", "text", "x"]) == 1
    assert "Get one: studio models get " in capsys.readouterr().err
    monkeypatch.setenv("STUDIO_PROGRAM", "python3 installer/run.py")
    assert run(["generate", "text", "x"]) == 1
    assert "Get one: python3 installer/run.py models get " in capsys.readouterr().err
    assert run(["generate", "--help"]) == 0
    assert capsys.readouterr().out.startswith("Usage: python3 installer/run.py generate ")


def test_a_file_that_is_not_what_its_name_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fake = tmp_path / "model.gguf"
    fake.write_bytes(b"PK\x03\x04 not a model at all")
    assert run(["generate", "text", "x", "-m", str(fake), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["code"].startswith("model.")


def test_a_prompt_that_is_no_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "picture.png"
    file.write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe\xfd")
    assert run(["generate", "image", "--file", str(file)]) == 2
    assert "not a text in UTF-8" in capsys.readouterr().err


def test_a_place_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert run(["generate", "image", "x", "-o", str(tmp_path / "file" / "x.png"), "--json"]) == 1
    error = json.loads(capsys.readouterr().out)["error"]
    assert error["code"] == "output.unwritable"
    assert "--output" in error["hint"]


def test_the_task_comes_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["generate"]) == 2
    assert "image" in capsys.readouterr().out
    assert run(["generate", "-m", "x", "image"]) == 2
    assert "There is no -m." in capsys.readouterr().err


def test_music_from_a_folder_of_ones_own(tmp_path: Path) -> None:
    folder = write_music(tmp_path / "我的 tunes")
    done = studio(
        *("generate", "music", "a slow piano tune", "-m", str(folder), "--seconds", "1", "--seed", "3"),
        *("-o", "tune.flac", "--threads", "1", "--device", "cpu"),
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert soundfile.info(tmp_path / "tune.flac").duration == 1.0
    wrong = studio("generate", "speech", "Hello", "-m", str(folder), cwd=tmp_path)
    assert wrong.returncode != 0
    assert "Speech" in wrong.stderr
