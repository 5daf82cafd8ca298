"""`studio plan`: its table, its JSON, and every way to ask wrongly."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from studio.cli.main import run
from studio.domain import text
from studio.services.measurements import MeasurementStore
from studio.services.paths import Paths
from tests.fakes.measured import measured
from tests.fakes.tiny_text import write_gguf


@pytest.fixture
def figures(home: Path) -> None:
    """The micro-benchmark ran here."""
    MeasurementStore(Paths.default().create().data / "measurements").save(measured())


def planned(capsys: pytest.CaptureFixture[str], *words: str) -> dict:
    assert run(["plan", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.usefixtures("figures")
def test_the_best_plan_comes_first_with_what_it_takes(capsys: pytest.CaptureFixture[str]) -> None:
    found = planned(capsys, "starter-icons", "--steps", "10")
    assert found["fits"] is True
    assert found["reason"]
    best = found["plans"][0]
    assert best["device"] == "cpu"
    predicted = best["predicted"]
    for span in (predicted["ram_bytes"], predicted["seconds"]):
        assert 0 < span["low"] < span["mid"] < span["high"]
    assert sum(predicted["breakdown"].values()) == pytest.approx(predicted["ram_bytes"]["mid"], abs=5)
    assert sum(predicted["phases"].values()) == pytest.approx(predicted["seconds"]["mid"])
    fine = [each for each in found["plans"] if "text_encoder" not in each["precision"]]
    seconds = [each["predicted"]["seconds"]["mid"] for each in fine]
    assert seconds == sorted(seconds)
    # What rounds more than it must is there for who has too little memory: behind the others.
    assert found["plans"][: len(fine)] == fine
    assert len(found["plans"]) > len(fine)


@pytest.mark.usefixtures("figures")
def test_the_request_s_own_values_count(capsys: pytest.CaptureFixture[str]) -> None:
    few, many = (planned(capsys, "starter-icons", "--steps", n)["plans"][0]["predicted"] for n in ("5", "50"))
    assert many["phases"]["denoise"] > 5 * few["phases"]["denoise"]


@pytest.mark.usefixtures("home")
def test_figures_of_a_busy_computer_are_told_of(capsys: pytest.CaptureFixture[str]) -> None:
    store = MeasurementStore(Paths.default().create().data / "measurements")
    store.save(measured(details={"others": 0.4}))
    assert planned(capsys, "starter-icons")["plans"][0]["doubtful"] is True
    assert run(["plan", "starter-icons"]) == 0
    assert "busy or hot" in capsys.readouterr().err
    store.save(measured())
    assert run(["plan", "starter-icons"]) == 0
    assert "busy or hot" not in capsys.readouterr().err


@pytest.mark.usefixtures("figures")
def test_numbers_are_told_in_plain_words_with_the_term_beside(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    assert run(["plan", "starter-icons"]) == 0
    told = capsys.readouterr().out
    assert "16 bits for unet (bfloat16), else 32 bits (float32)" in told
    assert "sorted by pixel (channels last)" in told


@pytest.mark.usefixtures("figures")
def test_a_way_may_be_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    words = ("attention=sliced", "precision.text_encoder=bfloat16", "tiling=on")
    options = [word for choice in words for word in ("--plan", choice)]
    found = planned(capsys, "starter-icons", *options)
    assert found["plans"]
    for each in found["plans"]:
        assert (each["attention"], each["tiling"], each["offload"]) == ("sliced", True, "none")
        assert each["precision"]["text_encoder"] == "bfloat16"
        assert each["memory_format"] in ("contiguous", "channels_last")
        assert {"slicing", "kv_cache", "threads", "compile"} <= each.keys()
    assert found["absent"]["offload=group"]
    assert "attention=sliced" not in found["absent"]


@pytest.mark.usefixtures("figures")
def test_what_cannot_be_chosen_is_refused_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "starter-icons", "--plan", "offload=group"]) == 1
    said = capsys.readouterr().err
    assert "offload=group" in said
    assert "memory" in said


@pytest.mark.usefixtures("home")
def test_a_file_anywhere_can_be_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = planned(capsys, str(write_gguf(tmp_path / "any name.gguf")))
    assert found["plans"][0]["predicted"]["ram_bytes"]["mid"] > 0
    assert "seconds" not in found["plans"][0]["predicted"]


@pytest.mark.usefixtures("figures")
def test_a_voice_inside_a_package_can_be_judged(capsys: pytest.CaptureFixture[str]) -> None:
    found = planned(capsys, "hibari-en", "--prompt", "Good morning.")
    assert found["plans"][0]["predicted"]["ram_bytes"]["mid"] > 10**7


@pytest.mark.usefixtures("home")
def test_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "starter-icons"]) == 0
    words = capsys.readouterr()
    assert "GB" in words.out
    assert "bench machine" in words.err
    text.set_language("zh_CN")
    try:
        assert run(["plan", "starter-icons"]) == 0
    finally:
        text.set_language("en")


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["nothing-of-the-kind"], 1),
        (["starter-icons", "--task", "speech"], 2),
        (["starter-icons", "--task", "nothing"], 2),
        (["starter-icons", "--device", "cuda:7"], 1),
        (["starter-icons", "--device", "banana"], 2),
        (["starter-icons", "--plan", "attention=fast"], 2),
        (["starter-icons", "--plan", "nothing=1"], 2),
        (["starter-icons", "--plan"], 2),
        (["starter-icons", "--threads", "-3"], 2),
        (["starter-icons", "another"], 2),
        (["starter-icons", "--stepps", "3"], 2),
        (["--json"], 2),
        ([], 2),
        (["--help"], 0),
    ],
)
def test_wrong_words(words: list[str], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", *words]) == code
    said = capsys.readouterr()
    assert said.out or said.err
