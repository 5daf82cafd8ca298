"""`studio workshop` as a user types it: through the queue and a real engine, into the library."""

import json
from pathlib import Path

import pytest

from tests.cli.terminal import studio
from tests.fakes import tiny_text


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    return tiny_text.write_transformers(tmp_path_factory.mktemp("models") / "tiny")


def test_a_model_is_made_listed_used_and_reported(model, tmp_path):
    done = studio("workshop", "quantize", str(model), "--scheme", "Q8_0", "--name", "小模型", "--json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert made["report"]["name"] == "小模型"
    assert made["report"]["after"]["bytes"] < made["report"]["before"]["bytes"]
    listed = json.loads(studio("models", "list", "--json").stdout)
    own = [entry for entry in listed if entry["installed"] and entry["installed"]["source"] == "own"]
    assert [entry["title"]["en"] for entry in own] == ["小模型"]
    used = studio("generate", "text", "the quick", "-m", own[0]["id"], "--max-tokens", "8", "--json")
    assert used.returncode == 0, used.stderr
    shown = studio("workshop", "report", own[0]["id"])
    assert shown.returncode == 0, shown.stderr
    assert "Size on disk" in shown.stdout
    assert "It takes less of the disk." in shown.stdout
    assert studio("workshop", "report", str(model)).returncode == 1


def test_what_can_be_done_is_listed_with_reasons(model):
    offers = {o["method"]: o for o in json.loads(studio("workshop", "list", str(model), "--json").stdout)}
    assert all(offer["possible"] for offer in offers.values())
    schemes = next(p for p in offers["quantize"]["parameters"] if p["name"] == "scheme")
    assert "nf4" not in schemes["choices"]
    assert "bitsandbytes" in offers["quantize"]["closed"]["nf4"]
    assert "Q4_0" in schemes["choices"]


def test_a_pickle_becomes_safetensors_without_being_run(tmp_path):
    import torch

    torch.save({"weight": torch.ones(4, 4)}, tmp_path / "old.ckpt")
    done = studio("workshop", "convert", str(tmp_path / "old.ckpt"))
    assert done.returncode == 0, done.stderr
    from safetensors.torch import load_file

    assert load_file(done.stdout.strip())["weight"].shape == (4, 4)
    torch.save({"weight": Unsafe()}, tmp_path / "bad.ckpt")
    refused = studio("workshop", "convert", str(tmp_path / "bad.ckpt"))
    assert refused.returncode == 1
    assert "model.unsafe" in refused.stderr


class Unsafe:
    def __reduce__(self):
        return (print, ("it ran",))


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("quantize",), 2, ""),
        (("quantize", "{model}", "--scheme", "int3"), 2, "--scheme"),
        (("prune", "{model}", "--amount", "2"), 2, "0.9"),
        (("convert", "{model}", "--target", "merge_lora"), 1, "workshop.impossible"),
        (("list", "nowhere"), 1, "model.missing"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(model, arguments, code, words):
    done = studio("workshop", *(a.format(model=model) for a in arguments))
    assert done.returncode == code
    assert words in done.stderr
