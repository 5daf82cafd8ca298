"""A path is recognized by what is in it, never by its name; what is broken or carries code is refused."""

from __future__ import annotations

import os
import pickle
import random
import struct
import time
from pathlib import Path
from typing import Any

import pytest

from studio.domain.failure import StudioError
from studio.services.library import headers
from studio.services.library.recognize import recognize
from studio.services.paths import ASSETS
from tests.fakes.model_files import (
    TINY,
    gguf,
    gguf_array,
    gguf_number,
    gguf_text,
    safetensors,
    text,
    write,
)

QWEN = gguf(gguf_text("general.architecture", "qwen2"))
LLAMA_CONFIG = {"architectures": ["LlamaForCausalLM"], "model_type": "llama"}
STARTER = ASSETS / "models" / "starter-icons"


def code_of(path: Path) -> str:
    with pytest.raises(StudioError) as caught:
        recognize(path)
    return caught.value.failure.code


# --- what is right ------------------------------------------------------------------------------


def test_diffusers_folder() -> None:
    found = recognize(STARTER)
    assert (found.spec.name, found.path) == ("stable_diffusion", STARTER)


@pytest.mark.parametrize("name", ["model.gguf", "model.safetensors", "model.txt", "型号", "a.pkl"])
def test_gguf_by_content_under_any_name(tmp_path: Path, name: str) -> None:
    file = write(tmp_path, {name: QWEN}) / name
    assert recognize(file).spec.name == "gguf_text"
    assert recognize(file).path == file


def test_gguf_where_the_architecture_is_not_first(tmp_path: Path) -> None:
    tokens = b"".join(text(f"token {n}") for n in range(1000))
    file = tmp_path / "m"
    file.write_bytes(
        gguf(
            gguf_number("a", 1),
            gguf_array("tokens", 8, 1000, tokens),
            gguf_array("scores", 6, 500, b"\0" * 2000),
            gguf_text("general.name", "a name"),
            gguf_text("general.architecture", "llama"),
        )
    )
    assert headers.gguf_architecture(file) == "llama"


def test_folder_with_one_gguf(tmp_path: Path) -> None:
    write(tmp_path, {"m.gguf": QWEN, "README.md": b"words", "record.json": {}})
    assert recognize(tmp_path).path == tmp_path / "m.gguf"


def test_first_shard_stands_for_all(tmp_path: Path) -> None:
    write(tmp_path, {f"m-0000{n}-of-00003.gguf": QWEN for n in (2, 1, 3)})
    assert recognize(tmp_path).path.name == "m-00001-of-00003.gguf"


def test_transformers_folder_and_a_file_in_it(tmp_path: Path) -> None:
    write(tmp_path, {"config.json": LLAMA_CONFIG, "model.safetensors": TINY})
    assert recognize(tmp_path).spec.name == "transformers_text"
    found = recognize(tmp_path / "model.safetensors")
    assert (found.spec.name, found.path) == ("transformers_text", tmp_path)


def test_a_path_with_blanks_and_chinese(tmp_path: Path) -> None:
    folder = write(tmp_path / "我的 模型", {"模型 文件.gguf": QWEN})
    assert recognize(folder).spec.name == "gguf_text"


# --- what is not there, or half there -----------------------------------------------------------


def test_missing(tmp_path: Path) -> None:
    assert code_of(tmp_path / "none.gguf") == "model.missing"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs file permissions")
def test_unreadable(tmp_path: Path) -> None:
    file = tmp_path / "m.gguf"
    file.write_bytes(QWEN)
    file.chmod(0)
    assert code_of(file) == "model.missing"


def test_component_missing(tmp_path: Path) -> None:
    index = {"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"]}
    write(tmp_path, {"model_index.json": index})
    assert code_of(tmp_path) == "model.missing_file"


def test_weights_missing(tmp_path: Path) -> None:
    write(tmp_path, {"config.json": LLAMA_CONFIG})
    assert code_of(tmp_path) == "model.missing_file"


def test_shard_missing(tmp_path: Path) -> None:
    shards = {
        "weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    }
    write(
        tmp_path,
        {
            "config.json": LLAMA_CONFIG,
            "model.safetensors.index.json": shards,
            "model-00001-of-00002.safetensors": TINY,
        },
    )
    with pytest.raises(StudioError) as caught:
        recognize(tmp_path)
    assert caught.value.failure.values["file"] == "model-00002-of-00002.safetensors"


def test_piece_of_a_gguf_missing(tmp_path: Path) -> None:
    write(tmp_path, {f"m-0000{n}-of-00003.gguf": QWEN for n in (1, 3)})
    with pytest.raises(StudioError) as caught:
        recognize(tmp_path)
    assert caught.value.failure.values["file"] == "m-00002-of-00003.gguf"


def test_optional_component_may_be_missing(tmp_path: Path) -> None:
    index = {
        "_class_name": "StableDiffusionPipeline",
        "safety_checker": ["stable_diffusion", "StableDiffusionSafetyChecker"],
        "feature_extractor": [None, None],
    }
    write(tmp_path, {"model_index.json": index})
    assert recognize(tmp_path).spec.name == "stable_diffusion"


# --- what is something else ---------------------------------------------------------------------

OTHERS: dict[str, bytes] = {
    "empty": b"",
    "text": b"just words, many of them",
    "html": b"<!DOCTYPE html><html><body>404</body></html>",
    "png": b"\x89PNG\r\n\x1a\n" + b"\0" * 50,
    "an unknown architecture": gguf(gguf_text("general.architecture", "not-a-model")),
    "tensors of nobody": safetensors({"nobody.knows.this": ("F32", [1], b"\0" * 4)}),
}


@pytest.mark.parametrize("name", OTHERS)
def test_something_else(tmp_path: Path, name: str) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(OTHERS[name])
    assert code_of(file) == "model.unrecognized"


def test_empty_folder(tmp_path: Path) -> None:
    assert code_of(tmp_path) == "model.unrecognized"


# --- what is broken -----------------------------------------------------------------------------

DEEP = b"[" * 100_000
BROKEN: dict[str, bytes] = {
    "only the magic": b"GGUF",
    "a version of the future": gguf(version=9),
    "version one": gguf(version=1),
    "no entries": gguf(),
    "more entries than anyone has": gguf(count=2**63),
    "entries that are not there": gguf(gguf_number("a", 1), count=2),
    "the array of a hundred million": gguf(gguf_array("a", 8, 10**8, b"")),
    "an array of numbers without end": gguf(gguf_array("a", 10, 2**60, b"")),
    "an array that overflows": gguf(gguf_array("a", 4, 2**63, b"")),
    "arrays in arrays": gguf(gguf_array("a", 9, 1, b"\0" * 64)),
    "a text longer than the file": gguf(struct.pack("<Q", 2**40) + b"abc"),
    "a long value": gguf(text("k") + struct.pack("<IQ", 8, 2**62)),
    "an unknown value type": gguf(text("k") + struct.pack("<I", 99)),
    "an architecture that is a number": gguf(gguf_number("general.architecture", 3)),
    "a huge header length": struct.pack("<Q", 2**62) + b"{}" + b"\0" * 64,
    "a header longer than the file": struct.pack("<Q", 5000) + b"{}",
    "a header of nothing": struct.pack("<Q", 0) + b"{}",
    "a header that is a list": struct.pack("<Q", 2) + b"[]",
    "a header that is deep": struct.pack("<Q", len(DEEP) + 5) + b'{"a":' + DEEP,
    "offsets outside": safetensors({"w": ("F32", [1], b"")}).replace(b"[0, 0]", b"[0, 9]"),
    "offsets backwards": safetensors({"w": ("F32", [1], b"\0" * 4)}).replace(b"[0, 4]", b"[4, 0]"),
    "a type of nobody": safetensors({"w": ("f<1>", [1], b"\0" * 4)}),
    "negative offsets": safetensors({"w": ("F32", [1], b"\0" * 4)}).replace(b"[0, 4]", b"[-4,4]"),
    "a header with another shape": struct.pack("<Q", 7) + b'{"a":1}',
    "not UTF-8": struct.pack("<Q", 9) + b'{"\xff\xfe":1}',
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_is_refused_at_once(tmp_path: Path, name: str) -> None:
    file = tmp_path / "m"
    file.write_bytes(BROKEN[name])
    began = time.monotonic()
    assert code_of(file) == "model.unrecognized"
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("good", ["gguf", "safetensors", "config"])
def test_mutated_files_never_crash(tmp_path: Path, good: str) -> None:
    """Bits turned, pieces cut and doubled: an answer or a refusal, nothing else."""
    rng = random.Random(good)
    if good == "gguf":
        entries = gguf_number("n", 3), gguf_array("t", 8, 2, text("a") + text("b"))
        data, file = gguf(*entries, gguf_text("general.architecture", "llama")), tmp_path / "m"
    elif good == "safetensors":
        data, file = TINY, tmp_path / "m"
    else:
        write(tmp_path, {"model.safetensors": TINY})
        data, file = (
            b'{"architectures": ["LlamaForCausalLM"], "x": [1, {"y": null}]}',
            tmp_path / "config.json",
        )
    answers = {"yes": 0, "no": 0}
    for _ in range(700):
        broken = bytearray(data)
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(broken))
            how = rng.randrange(4)
            if how == 0:
                broken[at] ^= 1 << rng.randrange(8)
            elif how == 1:
                del broken[at : at + rng.randint(1, 16)]
            elif how == 2:
                broken[at:at] = bytes(rng.randrange(256) for _ in range(rng.randint(1, 9)))
            else:
                broken[at:at] = broken[at : at + rng.randint(1, 32)]
            if not broken:
                break
        file.write_bytes(bytes(broken))
        try:
            recognize(tmp_path if good == "config" else file)
            answers["yes"] += 1
        except StudioError as error:
            answers["no"] += error.failure.code.startswith("model.")
    assert answers["no"] > 50, answers
    assert sum(answers.values()) == 700


# --- what carries code --------------------------------------------------------------------------

CODE: dict[str, dict[str, Any]] = {
    "auto_map": {"config.json": {**LLAMA_CONFIG, "auto_map": {"AutoModel": "modeling_x.X"}}},
    "attention from a repository": {"config.json": {**LLAMA_CONFIG, "_attn_implementation": "evil/kernel"}},
    "attention from a repository, public": {"config.json": {**LLAMA_CONFIG, "attn_implementation": "a/b@1"}},
    "trust_remote_code": {"config.json": {**LLAMA_CONFIG, "trust_remote_code": True}},
    "a Python file": {"config.json": LLAMA_CONFIG, "modeling_x.py": b"print(1)"},
    "a Python file below": {"config.json": LLAMA_CONFIG, "lib/x.py": b"print(1)"},
    "custom_pipeline": {"model_index.json": {"_class_name": "X", "custom_pipeline": "me/mine"}},
    "a component of unknown origin": {
        "model_index.json": {"_class_name": "StableDiffusionPipeline", "unet": ["my_unet", "Unet"]},
        "unet/config.json": {},
    },
    "a component's auto_map": {
        "model_index.json": {
            "_class_name": "StableDiffusionPipeline",
            "unet": ["diffusers", "UNet2DConditionModel"],
        },
        "unet/config.json": {"auto_map": {"AutoModel": "x.Y"}},
        "unet/diffusion_pytorch_model.safetensors": TINY,
    },
    "pickled weights": {"config.json": LLAMA_CONFIG, "pytorch_model.bin": pickle.dumps({})},
    "a shard that climbs": {
        "config.json": LLAMA_CONFIG,
        "model.safetensors.index.json": {"weight_map": {"a": "../../x.safetensors"}},
        "model.safetensors": TINY,
    },
}


@pytest.mark.parametrize("name", CODE)
def test_code_is_refused(tmp_path: Path, name: str) -> None:
    files = CODE[name]
    if "config.json" in files and "pytorch_model.bin" not in files:
        files = {"model.safetensors": TINY, **files}
    write(tmp_path, files)
    assert code_of(tmp_path) == "model.unsafe"


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", ["model.safetensors", "model.gguf", "model.ckpt"])
def test_a_pickle_under_any_name(tmp_path: Path, name: str, protocol: int) -> None:
    file = tmp_path / name
    file.write_bytes(pickle.dumps({"state_dict": {}}, protocol))
    assert code_of(file) == "model.unsafe"
