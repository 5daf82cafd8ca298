"""One model's files are told by their names, in repositories as they are laid out in the world."""

from __future__ import annotations

import pytest

from studio.domain.failure import StudioError
from studio.services.downloads.choice import choose
from studio.services.library.place import gguf_shards, variants, weights

WEIGHTS: dict[str, tuple[list[str], str, list[str]]] = {
    "one": (["model.safetensors", "config.json"], "", ["model.safetensors"]),
    "shards": (
        ["model-00002-of-00002.safetensors", "model-00001-of-00002.safetensors", "consolidated.safetensors"],
        "",
        ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"],
    ),
    "the whole before its shards": (
        ["model.safetensors", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"],
        "",
        ["model.safetensors"],
    ),
    "plain before half": (
        ["diffusion_pytorch_model.fp16.safetensors", "diffusion_pytorch_model.safetensors"],
        "",
        ["diffusion_pytorch_model.safetensors"],
    ),
    "half": (["model.fp16.safetensors", "model.safetensors"], "fp16", ["model.fp16.safetensors"]),
    "half in shards": (
        [
            "model.safetensors",
            "model.fp16-00001-of-00002.safetensors",
            "model.fp16-00002-of-00002.safetensors",
        ],
        "fp16",
        ["model.fp16-00001-of-00002.safetensors", "model.fp16-00002-of-00002.safetensors"],
    ),
    "half in shards, named as before": (
        ["model-00001-of-00001.fp16.safetensors", "model-00001-of-00001.safetensors"],
        "fp16",
        ["model-00001-of-00001.fp16.safetensors"],
    ),
    "nothing but half": (["model.fp16.safetensors"], "", ["model.fp16.safetensors"]),
    "no half": (["model.safetensors"], "fp16", ["model.safetensors"]),
    "names of nobody": (["b.safetensors", "a.safetensors"], "", ["a.safetensors", "b.safetensors"]),
    "none": (["pytorch_model.bin"], "", []),
}


@pytest.mark.parametrize("name", WEIGHTS)
def test_weights(name: str) -> None:
    names, variant, expected = WEIGHTS[name]
    assert weights(names, variant) == expected


def test_variants() -> None:
    names = [
        "model.safetensors",
        "model.fp16-00001-of-00002.safetensors",
        "model.non_ema.safetensors",
        "x.json",
    ]
    assert variants(names) == {"", "fp16", "non_ema"}


def test_shards_of_a_gguf() -> None:
    assert gguf_shards("m.gguf") == ["m.gguf"]
    assert gguf_shards("m-00002-of-00002.gguf") == ["m-00001-of-00002.gguf", "m-00002-of-00002.gguf"]


def listing(*paths: str) -> dict[str, int]:
    return {path: 10 + number for number, path in enumerate(paths)}


PAINTER = listing(
    "model_index.json",
    "README.md",
    "v1-5-pruned.safetensors",
    "v1-5-pruned.ckpt",
    "unet/config.json",
    "unet/diffusion_pytorch_model.safetensors",
    "unet/diffusion_pytorch_model.fp16.safetensors",
    "unet/diffusion_pytorch_model.non_ema.safetensors",
    "unet/diffusion_pytorch_model.bin",
    "vae/config.json",
    "vae/diffusion_pytorch_model.safetensors",
    "tokenizer/merges.txt",
    "tokenizer/vocab.json",
    "scheduler/scheduler_config.json",
    "extra/config.json",
)
INDEX = {
    "_class_name": "P",
    "unet": ["diffusers", "U"],
    "vae": ["diffusers", "V"],
    "tokenizer": ["transformers", "T"],
    "scheduler": ["diffusers", "S"],
    "safety_checker": [None, None],
}


def test_a_pipeline_in_folders() -> None:
    choice = choose("m", PAINTER, INDEX, "")
    assert set(choice.paths) == {
        "model_index.json",
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
        "vae/config.json",
        "vae/diffusion_pytorch_model.safetensors",
        "tokenizer/merges.txt",
        "tokenizer/vocab.json",
        "scheduler/scheduler_config.json",
    }
    assert [variant.name for variant in choice.variants] == ["", "fp16", "non_ema"]
    half = choose("m", PAINTER, INDEX, "fp16")
    assert set(choice.paths) ^ set(half.paths) == {
        "unet/diffusion_pytorch_model.safetensors",
        "unet/diffusion_pytorch_model.fp16.safetensors",
    }
    assert half.variants == choice.variants
    with pytest.raises(StudioError):
        choose("m", PAINTER, INDEX, "int8")


def test_quantizations() -> None:
    files = listing(
        "README.md",
        "config.json",
        "m-Q8_0.gguf",
        "m-q4_k_m.gguf",
        "m-UD-Q2_K_XL.gguf",
        "m-IQ4_XS.gguf",
        "BF16/m-BF16-00001-of-00002.gguf",
        "BF16/m-BF16-00002-of-00002.gguf",
        "mmproj-F16.gguf",
        "imatrix.gguf",
    )
    choice = choose("m", files, None, "")
    assert (choice.variant, choice.start) == ("Q4_K_M", "m-q4_k_m.gguf")
    assert {variant.name for variant in choice.variants} == {"Q8_0", "Q4_K_M", "UD-Q2_K_XL", "IQ4_XS", "BF16"}
    pieces = choose("m", files, None, "bf16")
    assert pieces.start == "BF16/m-BF16-00001-of-00002.gguf"
    assert len(pieces.paths) == 2
    assert {variant.name: variant.bytes for variant in pieces.variants}["BF16"] == 16 + 17


def test_two_models_of_one_quantization_keep_their_names() -> None:
    choice = choose("m", listing("a-Q4_0.gguf", "b-Q4_0.gguf"), None, "")
    assert [variant.name for variant in choice.variants] == ["a-Q4_0", "b-Q4_0"]
    assert choice.start == "a-Q4_0.gguf"


def test_checkpoints_in_one_file() -> None:
    files = listing("b.safetensors", "a.safetensors", "a.yaml")
    choice = choose("m", files, None, "b.safetensors")
    assert (choice.start, choice.variant) == ("b.safetensors", "b.safetensors")
    assert choose("m", {"a.safetensors": 1}, None, "").variants == ()


def test_nothing_is_chosen_from_nothing() -> None:
    assert choose("m", listing("README.md", "data/x.parquet"), None, "").paths == ()
