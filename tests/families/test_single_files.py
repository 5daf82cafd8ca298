"""Original checkpoints as one file: each draws what the folder draws that it was written from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from studio.diffusion import original as loading
from studio.domain.failure import StudioError
from studio.domain.model import ModelSource
from studio.families.flux import conversion
from studio.families.flux import original as flux_files
from studio.families.registry import cost, family
from studio.families.stable_diffusion import original as sd_files
from studio.families.stable_diffusion_xl import original as xl_files
from studio.services.library.facts import read_facts
from studio.services.library.recognize import recognize
from tests.fakes.original_checkpoint import write_original_2, write_original_flux, write_original_xl
from tests.fakes.recording_context import Bench
from tests.fakes.tiny_diffusion import write_flux, write_pipeline, write_xl

pytestmark = pytest.mark.usefixtures("one_thread")
SMALL: dict[str, Any] = {"size": (64, 64), "steps": 2, "prompt": "a red apple", "seed": 3}
XL_VALUES = SMALL | {"negative": "blue", "guidance": 4.0}


@pytest.fixture(scope="module", autouse=True)
def _imported() -> None:
    """What diffusers says of missing packages when it is first used is not a test's own."""
    from diffusers import FluxPipeline, StableDiffusionPipeline, StableDiffusionXLPipeline  # noqa: F401


def pixels(bench: Bench, **values: Any) -> np.ndarray:
    artifact = bench.run(**values).artifacts[0]
    return np.asarray(Image.open(artifact.path)).astype(int)


def same_weights(ours: Any, theirs: Any, *parts: str) -> None:
    for part in parts:
        mine, their = getattr(ours, part).state_dict(), getattr(theirs, part).state_dict()
        assert mine.keys() == their.keys()
        for name, value in their.items():
            assert torch.equal(mine[name], value.half().to(value.dtype)), f"{part}.{name}"


def test_2_x(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_pipeline(tmp_path / "folder")
    monkeypatch.setattr(loading, "CLIP", folder / "tokenizer")
    monkeypatch.setattr(sd_files, "V2", folder)
    monkeypatch.setattr(sd_files, "V1", folder)
    file = write_original_2(folder, tmp_path / "tiny.safetensors")
    assert recognize(file).spec.name == "stable_diffusion"
    whole, single = (Bench("stable_diffusion", path, tmp_path / "out") for path in (folder, file))
    expected, got = pixels(whole, **SMALL), pixels(single, **SMALL)
    ours, theirs = single._pipeline._diffusers, whole._pipeline._diffusers
    same_weights(ours, theirs, "unet", "vae", "text_encoder")
    assert ours.tokenizer.pad_token == "!"  # of 2.x; the tiny folder fills up prompts with another one
    assert not np.array_equal(got, expected)
    ours.tokenizer = theirs.tokenizer
    assert abs(pixels(single, **SMALL) - expected).mean() < 2  # the file has half the precision


@pytest.mark.parametrize(("spread", "predicted"), [(0.05, "epsilon"), (0.2, "v_prediction")])
def test_2_x_predicts_noise_or_velocity(tmp_path: Path, spread: float, predicted: str) -> None:
    import json

    from studio.families.stable_diffusion import sources

    tensors = {
        sources.TELLING: torch.tensor([spread, -spread]),
        "cond_stage_model.model.positional_embedding": torch.zeros(1),
    }
    save_file(tensors, tmp_path / "m.safetensors")
    found = sources.source(tmp_path / "m.safetensors", "m")
    config = json.loads((found.scheduler / "scheduler_config.json").read_text())
    assert config["prediction_type"] == predicted


def test_xl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_xl(tmp_path / "folder")
    monkeypatch.setattr(loading, "CLIP", folder / "tokenizer")
    monkeypatch.setattr(xl_files, "BASE", folder)
    file = write_original_xl(folder, tmp_path / "tiny.safetensors")
    assert recognize(file).spec.name == "stable_diffusion_xl"
    whole, single = (Bench("stable_diffusion_xl", path, tmp_path / "out") for path in (folder, file))
    parts = "unet", "vae", "text_encoder", "text_encoder_2"
    expected = pixels(whole, **XL_VALUES)
    assert not np.array_equal(pixels(single, **XL_VALUES), expected)
    ours, theirs = single._pipeline._diffusers, whole._pipeline._diffusers
    same_weights(ours, theirs, *parts)
    assert (ours.tokenizer.pad_token, ours.tokenizer_2.pad_token) == ("<|endoftext|>", "!")
    ours.tokenizer_2 = theirs.tokenizer_2  # the tiny folder's, which fills up with another word
    assert abs(pixels(single, **XL_VALUES) - expected).mean() < 2


@pytest.mark.parametrize("guidance", [True, False])
@pytest.mark.parametrize("whole", [True, False])
def test_flux(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, guidance: bool, whole: bool) -> None:
    folder = write_flux(tmp_path / "folder", guidance=guidance)
    monkeypatch.setattr(flux_files, "CONFIGS", folder)
    monkeypatch.setattr(flux_files, "DYNAMIC", folder / "scheduler")
    file = write_original_flux(folder, tmp_path / "tiny.safetensors", whole=whole)
    found = recognize(file)
    assert found.spec.name == "flux"
    assert found.needs == (
        ("tokenizer_2",) if whole else ("text_encoder", "text_encoder_2", "tokenizer_2", "vae")
    )
    assert (found.parameters == {}) == guidance  # without it, few steps
    values = SMALL if guidance else {key: value for key, value in SMALL.items() if key != "guidance"}
    folder_bench, single = (Bench("flux", path, tmp_path / "out") for path in (folder, file))
    expected = pixels(folder_bench, **values)
    single.model = ModelSource(id="m", family="flux", path=str(file), title="Tiny", rest=str(folder))
    assert abs(pixels(single, **values) - expected).mean() < 2
    ours, theirs = single._pipeline._diffusers, folder_bench._pipeline._diffusers
    same_weights(ours, theirs, "transformer", *(["vae", "text_encoder", "text_encoder_2"] if whole else []))


def test_flux_without_its_words_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_flux(tmp_path / "folder")
    monkeypatch.setattr(flux_files, "CONFIGS", folder)
    file = write_original_flux(folder, tmp_path / "tiny.safetensors")
    with pytest.raises(StudioError) as caught:
        Bench("flux", file, tmp_path).run(**SMALL)
    assert caught.value.failure.code == "model.missing_file"
    assert caught.value.failure.values["file"] == "tokenizer_2"


def test_our_conversion_is_diffusers_own() -> None:
    """At the published width, every tensor and every value; narrow ones, since only rows are moved."""
    from diffusers.loaders.single_file_utils import convert_flux_transformer_checkpoint_to_diffusers

    from tests.layouts.originals import flux

    torch.manual_seed(1)
    kept = ("double_blocks.0.", "single_blocks.0.")
    weights = {
        name: torch.randn(shape[0], *([1] if len(shape) > 1 else []))
        for name, shape in flux().items()
        if name.startswith(kept) or "_blocks." not in name
    }
    ours = conversion.converted(dict(weights))
    theirs = convert_flux_transformer_checkpoint_to_diffusers(dict(weights))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], value) for name, value in theirs.items())
    with pytest.raises(KeyError):
        conversion.converted(weights | {"mystery.weight": torch.zeros(1)})


@pytest.mark.parametrize("name", ["stable_diffusion", "stable_diffusion_xl", "flux"])
def test_a_single_file_costs_what_its_folder_costs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Counted from the headers of the file alone; only its weights take half the bytes."""
    from tests.fakes.original_checkpoint import write_original

    write, single, where, configs = {
        "stable_diffusion": (write_pipeline, write_original, sd_files, "V1"),
        "stable_diffusion_xl": (write_xl, write_original_xl, xl_files, "BASE"),
        "flux": (write_flux, write_original_flux, flux_files, "CONFIGS"),
    }[name]
    folder = write(tmp_path / "folder")
    monkeypatch.setattr(where, configs, folder)
    file = single(folder, tmp_path / "tiny.safetensors")
    values = family(name).complete(SMALL)
    rule = cost(name)
    assert rule is not None
    whole, one = rule.cost(read_facts(folder), values), rule.cost(read_facts(file), values)
    assert one.stages == whole.stages
    assert {part.name: part.elements for part in one.parts} == {
        part.name: part.elements for part in whole.parts
    }
    assert [part.stored_type for part in one.parts] == ["F16"] * len(whole.parts)


def test_a_transformer_alone_is_counted_with_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_flux(tmp_path / "folder")
    monkeypatch.setattr(flux_files, "CONFIGS", folder)
    file = write_original_flux(folder, tmp_path / "tiny.safetensors", whole=False)
    rule = cost("flux")
    assert rule is not None
    values = family("flux").complete(SMALL)
    assert rule.cost(read_facts(file, folder), values).stages == rule.cost(read_facts(folder), values).stages
    with pytest.raises(KeyError):
        rule.cost(read_facts(file), values)


@pytest.mark.parametrize("name", ["stable_diffusion", "stable_diffusion_xl"])
def test_one_that_continues_a_picture_is_not_run(tmp_path: Path, name: str) -> None:
    from tests.fakes.original_checkpoint import write_original

    write, single = {
        "stable_diffusion": (write_pipeline, write_original),
        "stable_diffusion_xl": (write_xl, write_original_xl),
    }[name]
    file = single(write(tmp_path / "folder"), tmp_path / "tiny.safetensors")
    tensors = load_file(file)
    first = "model.diffusion_model.input_blocks.0.0.weight"
    save_file(tensors | {first: torch.zeros(32, 9, 3, 3)}, file)
    with pytest.raises(StudioError) as caught:
        recognize(file)
    assert caught.value.failure.code == "model.unrecognized"
