"""Weights in fewer bits, on real tiny models: as many bytes as promised, and the same answers to the eye."""

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

from studio.domain.failure import Cancelled, StudioError
from studio.domain.workshop import GGUF, TORCHAO
from studio.wire.messages import PhaseProgress
from studio.workshop import gguf, perplexity
from tests.fakes import tiny_text

# The starter's denoiser is large enough for scales to weigh nothing; the tiny ones are for what breaks.
STARTER = "starter-icons"


def test_int8_reaches_what_its_shapes_promise(bench):
    """The bars: half the bytes of its layers, the whole within two points, the same output."""
    made = bench.work("quantize", STARTER, scheme="int8", part="unet")
    found = bench.report(made).figures
    assert found["unet.layers_share"] <= 0.52
    assert found["unet.share"] <= found["unet.expected_share"] + 0.02
    assert found["unet.cosine"] >= 0.99
    folder = Path(made.path)
    with safe_open(folder / "unet" / "diffusion_pytorch_model.safetensors", "pt") as file:
        kinds = {file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118 - not a dict
    assert "I8" in kinds
    assert json.loads((folder / "unet" / "config.json").read_text())["quantization_config"]
    assert "quantization_config" not in json.loads((folder / "vae" / "config.json").read_text())


@pytest.mark.parametrize("scheme", TORCHAO)
def test_a_language_model_is_loaded_as_it_was_written(bench, language, scheme):
    from studio.diffusion import stored

    made = bench.work("quantize", language, scheme=scheme)
    assert stored.quantized(Path(made.path))
    assert not stored.quantized(language)
    model, tokenizer = perplexity.load(Path(made.path))
    plain, _ = perplexity.load(language)
    given = tokenizer("the quick brown fox", return_tensors="pt")["input_ids"]
    with torch.no_grad():
        one, other = model(given).logits.float().flatten(), plain(given).logits.flatten()
    assert torch.cosine_similarity(one, other, dim=0) > 0.97
    weight = model.model.layers[0].mlp.up_proj.weight
    assert type(weight.data) is not torch.Tensor
    assert bench.library.resolve(made.path).spec.name == bench.library.resolve(str(language)).spec.name


@pytest.mark.parametrize("scheme", GGUF)
def test_gguf_says_the_same_in_fewer_bits(bench, language, scheme):
    made = bench.work("quantize", language, scheme=scheme)
    bits = bench.report(made).figures["bits_per_weight"]
    file = next(Path(made.path).glob("*.gguf"))
    assert 4 < bits < 9
    assert gguf.architecture(file) == "llama"
    model, tokenizer = perplexity.load(file)
    plain, _ = perplexity.load(language)
    given = tokenizer("the quick brown fox", return_tensors="pt")["input_ids"]
    with torch.no_grad():
        one, other = model(given).logits.flatten(), plain(given).logits.flatten()
    least = 0.99 if scheme == "Q8_0" else 0.8  # noise for weights is the worst case for few bits
    assert torch.cosine_similarity(one, other, dim=0) > least


def test_a_gguf_becomes_a_smaller_one(bench, tmp_path):
    source = tiny_text.write_gguf(tmp_path / "tiny.gguf")
    made = bench.work("quantize", source, scheme="Q4_0")
    file = next(Path(made.path).glob("*.gguf"))
    assert file.stat().st_size < 0.4 * source.stat().st_size
    assert bench.library.resolve(str(file)).spec.name == bench.library.resolve(str(source)).spec.name


def test_the_lineage_says_how_it_was_made(bench, language):
    from studio.services.workshop import lineage_of

    made = bench.work("quantize", language, scheme="int8", name="Small one")
    lineage = lineage_of(Path(made.path))
    assert lineage is not None
    assert (lineage.method, lineage.made_from) == ("quantize", str(language))
    assert lineage.values == {"scheme": "int8", "part": "all"}
    assert lineage.libraries["torchao"]
    assert Path(made.path).parent.name == "made--small-one"
    assert bench.library.resolve(made.path).source.title == "Small one"


def test_what_is_cancelled_leaves_nothing(bench, language):
    def begun(message) -> bool:
        return isinstance(message, PhaseProgress) and message.phase == "quantize"

    with pytest.raises(Cancelled):
        bench.work("quantize", language, cancel_when=begun, scheme="int8")
    assert bench.leftovers == []
    bench.work("quantize", language, scheme="int8")  # the control: this would have left something
    assert bench.leftovers


@pytest.mark.parametrize(
    ("model", "values", "code"),
    [
        ("language", {"scheme": "nf4"}, "param.invalid"),
        ("language", {"scheme": "int7"}, "param.invalid"),
        ("diffusion", {"scheme": "Q4_0"}, "param.invalid"),
        ("diffusion", {"part": "unet2"}, "param.invalid"),
        ("quantized", {"scheme": "int8"}, "workshop.impossible"),
    ],
)
def test_what_cannot_be_done_says_so(bench, language, diffusion, model, values, code):
    path = language
    if model == "diffusion":
        path = diffusion
    elif model == "quantized":
        path = Path(bench.work("quantize", language, scheme="int8").path)
    with pytest.raises(StudioError) as error:
        bench.work("quantize", path, **values)
    assert error.value.failure.code == code


def test_a_full_disk_is_said_before_anything_is_written(bench, language, monkeypatch):
    import shutil

    monkeypatch.setattr(shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000}))
    with pytest.raises(StudioError) as error:
        bench.work("quantize", language, scheme="Q8_0")
    assert error.value.failure.code == "disk.full"
    assert bench.leftovers == []


def test_both_are_tried_in_fresh_engines(bench, language):
    report = bench.report(bench.work("quantize", language, scheme="Q8_0", report=True))
    for measured in (report.before, report.after):
        assert measured.load_seconds > 0
        assert measured.per_second > 0
        assert measured.peak_ram_bytes > 2**20
        assert measured.perplexity.keys() == {"en", "zh"}
    assert report.after.perplexity["en"] == pytest.approx(report.before.perplexity["en"], rel=0.1)
    assert report.after.bytes < report.before.bytes
