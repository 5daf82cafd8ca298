"""A path is recognized by what is in it, never by its name; what is broken or carries code is refused."""

from __future__ import annotations

import json
import os
import pickle
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from studio.domain.failure import StudioError
from studio.families.registry import families
from studio.services.library import headers
from studio.services.library import recognize as module
from studio.services.library.headers import HeaderError
from studio.services.library.identify import identify
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


def header(words: bytes, data: bytes = b"") -> bytes:
    """A safetensors file whose header is *words*, whatever they say."""
    return struct.pack("<Q", len(words)) + words + data


def tensor_of_gguf(name: bytes, dimensions: tuple[int, ...], kind: int = 0, offset: int = 0) -> bytes:
    """A GGUF file with an architecture and one tensor, which says what it wants of itself."""
    entry = gguf_text("general.architecture", "flux")
    sizes = struct.pack(f"<I{len(dimensions)}Q", len(dimensions), *dimensions)
    about = struct.pack("<Q", len(name)) + name + sizes + struct.pack("<IQ", kind, offset)
    return b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + entry + about


ONE = b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'
BROKEN |= {
    "the same name twice": header(ONE + b"," + ONE[1:] + b"}", b"\0" * 4),
    "a name that climbs": safetensors({"../../etc/passwd": ("F32", [1], b"\0" * 4)}),
    "a name with a NUL": header(ONE.replace(b'"w"', b'"a\\u0000b"') + b"}", b"\0" * 4),
    "half a surrogate": header(ONE.replace(b'"w"', b'"\\ud800"') + b"}", b"\0" * 4),
    "a name without end": header(ONE.replace(b'"w"', b'"' + b"w" * 10**6 + b'"') + b"}", b"\0" * 4),
    "a shape of fractions": header(ONE.replace(b"[1]", b"[1.5]") + b"}", b"\0" * 4),
    "a shape of texts": header(ONE.replace(b"[1]", b'["1"]') + b"}", b"\0" * 4),
    "a shape that is none": header(ONE.replace(b"[1]", b"1") + b"}", b"\0" * 4),
    "a shape without end": header(ONE.replace(b"[1]", b"[" + b"1," * 10**5 + b"1]") + b"}", b"\0" * 4),
    "a side of 200 digits": header(ONE.replace(b"[1]", b"[" + b"9" * 200 + b"]") + b"}", b"\0" * 4),
    "a side below nothing": header(ONE.replace(b"[1]", b"[-1]") + b"}", b"\0" * 4),
    "three offsets": header(ONE.replace(b"[0,4]", b"[0,4,8]") + b"}", b"\0" * 4),
    "no type": header(b'{"w":{"shape":[1],"data_offsets":[0,4]}}', b"\0" * 4),
    "no offsets": header(b'{"w":{"dtype":"F32","shape":[1]}}', b"\0" * 4),
    "words behind": header(ONE + b"} and more", b"\0" * 4),
    "not a number": header(ONE.replace(b"[1]", b"[NaN]") + b"}", b"\0" * 4),
    "a mark of its order": header(b"\xef\xbb\xbf" + ONE + b"}", b"\0" * 4),
    "only blanks": header(b" " * 64),
    "metadata that is a list": header(b'{"__metadata__":[1]}'),
    "a tensor of ten dimensions": tensor_of_gguf(b"w", (1,) * 10),
    "a tensor without end": tensor_of_gguf(b"w", (2**63, 2**63)),
    "a tensor outside": tensor_of_gguf(b"w", (2**40,)),
    "a tensor of no known type": tensor_of_gguf(b"w", (1,), 12345),
    "a tensor's name without end": tensor_of_gguf(b"w", (1,)).replace(
        struct.pack("<Q", 1) + b"w", b"\xff" * 9
    ),
    "big-endian": b"GGUF" + struct.pack(">IQQ", 3, 0, 0),
    "tensors without end": b"GGUF" + struct.pack("<IQQ", 3, 2**62, 0),
    "a key that is no text": gguf(struct.pack("<Q", 3) + b"\xff\xfe\xfd" + struct.pack("<II", 4, 1)),
    "the same key twice": gguf(gguf_text("a", "x"), gguf_text("a", "y")),
}

CONFIGS: dict[str, tuple[str, bytes]] = {
    "nothing": ("config.json", b""),
    "a list": ("config.json", b"[]"),
    "a number": ("config.json", b"1"),
    "null": ("config.json", b"null"),
    "not UTF-8": ("config.json", b'{"architectures": ["\xff"]}'),
    "a mark of its order": ("config.json", b"\xef\xbb\xbf{}"),
    "cut": ("config.json", b'{"architectures": ["Llama'),
    "deep": ("config.json", b'{"a":' * 50_000),
    "deep and whole": ("config.json", b'{"architectures":["X"],"a":' + b"[" * 900 + b"]" * 900 + b"}"),
    "large": ("config.json", b'{"a": "' + b"x" * 5 * 2**20 + b'"}'),
    "architectures as a text": ("config.json", b'{"architectures": "LlamaForCausalLM"}'),
    "architectures as a table": ("config.json", b'{"architectures": {"a": 1}}'),
    "architectures of tables": ("config.json", b'{"architectures": [{"a": 1}, null, 3]}'),
    "architectures without end": ("config.json", b'{"architectures": [' + b'"x",' * 10**5 + b'"x"]}'),
    "words behind": ("config.json", b"{} {}"),
    "not a number": ("config.json", b'{"a": NaN}'),
    "shards in a list": ("model.safetensors.index.json", b'{"weight_map": ["a"]}'),
    "shards of nothing": ("model.safetensors.index.json", b"{}"),
    "shards that are numbers": ("model.safetensors.index.json", b'{"weight_map": {"a": 1}}'),
    "shards that are not there": ("model.safetensors.index.json", b'{"weight_map": {"a": "b.safetensors"}}'),
    "an index that is a list": ("model_index.json", b"[1]"),
    "a component of three": ("model_index.json", b'{"_class_name": "X", "unet": ["a", "b", "c"]}'),
    "a component of nothing": ("model_index.json", b'{"_class_name": "X", "unet": []}'),
    "a class that is a number": ("model_index.json", b'{"_class_name": 7}'),
    "a class that is nobody's": ("model_index.json", b'{"_class_name": "Nobody"}'),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_broken_configurations_are_refused_at_once(tmp_path: Path, name: str) -> None:
    file, data = CONFIGS[name]
    write(tmp_path, {"config.json": LLAMA_CONFIG, "model.safetensors": TINY, file: data})
    began = time.monotonic()
    assert code_of(tmp_path) in ("model.unrecognized", "model.missing_file")
    assert identify(tmp_path).failure is not None
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("name", BROKEN)
def test_broken_is_refused_at_once(tmp_path: Path, name: str) -> None:
    file = tmp_path / "m"
    file.write_bytes(BROKEN[name])
    began = time.monotonic()
    assert code_of(file) == "model.unrecognized"
    assert time.monotonic() - began < 5


def mutated(kind: str, count: int) -> dict[str, Any]:
    """One process for all of them, so that none can spoil another test or take more than it may."""
    command = [sys.executable, "-m", "tests.services.mutations", kind, str(count)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=280)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize("count", [200, pytest.param(2000, marks=pytest.mark.heavy)])
@pytest.mark.parametrize("kind", ["gguf", "safetensors", "config"])
def test_spoilt_files_never_crash_hang_or_grow(kind: str, count: int) -> None:
    """Bits turned, pieces cut and doubled, numbers made large: an answer or a refusal, nothing else."""
    told = mutated(kind, count)
    assert sum(told["said"].values()) == count
    assert told["said"]["refused"] > count / 20, told
    assert told["longest"] < 5
    assert told["memory"] < 512 * 2**20


# --- what carries code --------------------------------------------------------------------------

PIPELINE = {
    "_class_name": "StableDiffusionPipeline",
    "unet": ["diffusers", "UNet2DConditionModel"],
}
UNET = {"unet/config.json": {}, "unet/diffusion_pytorch_model.safetensors": TINY}
# What asks for code, and the words that the refusal must have.
ASKING: dict[str, tuple[dict[str, Any], str]] = {
    "auto_map": ({"auto_map": {"AutoModel": "modeling_x.X"}}, "auto_map"),
    "auto_map of a repository": ({"auto_map": {"AutoModel": "me/mine--x.X"}}, "auto_map"),
    "auto_map as a text": ({"auto_map": "x"}, "auto_map"),
    "custom_pipeline": ({"custom_pipeline": "me/mine"}, "custom_pipeline"),
    "custom_pipelines": ({"custom_pipelines": {"x": {"impl": "x.y"}}}, "custom_pipelines"),
    "custom_generate": ({"custom_generate": "me/mine"}, "custom_generate"),
    "trust_remote_code": ({"trust_remote_code": True}, "trust_remote_code"),
    "attention of a repository": ({"_attn_implementation": "evil/kernel"}, "evil/kernel"),
    "attention, public": ({"attn_implementation": "a/b@1"}, "a/b@1"),
    "attention, internal": ({"_attn_implementation_internal": "a/b:c"}, "a/b:c"),
    "attention by part": ({"attn_implementation": {"text": "a/b"}}, "a/b"),
}
PLACES: dict[str, str] = {
    "the configuration": "config.json",
    "the tokenizer": "tokenizer_config.json",
    "the generation": "generation_config.json",
    "the preprocessor": "preprocessor_config.json",
    "the configuration of a part": "unet/config.json",
}


def asking() -> dict[str, tuple[dict[str, Any], str]]:
    """Every request for code, in every place where one may stand; files by name and the refusal's words."""
    found: dict[str, tuple[dict[str, Any], str]] = {}
    for what, (request, words) in ASKING.items():
        for where, name in PLACES.items():
            if name.startswith("unet/"):
                files = {"model_index.json": PIPELINE, **UNET, name: request}
            else:
                base = {"config.json": LLAMA_CONFIG, "model.safetensors": TINY}
                files = {**base, name: LLAMA_CONFIG | request if name == "config.json" else request}
            found[f"{what}, in {where}"] = files, words
        inner = {"text_config": {"deeper": [request]}}
        found[f"{what}, inside"] = {"config.json": LLAMA_CONFIG | inner, "model.safetensors": TINY}, words
        found[f"{what}, in an index"] = {"model_index.json": PIPELINE | request, **UNET}, words
    return found


CODE: dict[str, tuple[dict[str, Any], str]] = {
    **asking(),
    **{
        f"a file of code, {name}": (
            {"config.json": LLAMA_CONFIG, "model.safetensors": TINY, name: b"x"},
            name.rpartition("/")[2],
        )
        for name in ("modeling_x.py", "lib/x.py", "x.pyc", "deep/er/x.so", "x.dll", "x.pyd", "x.dylib")
    },
    "a component of unknown origin": (
        {"model_index.json": PIPELINE | {"unet": ["my_unet", "Unet"]}, **UNET},
        "my_unet",
    ),
    "a component of the system": ({"model_index.json": PIPELINE | {"unet": ["os", "system"]}, **UNET}, "os"),
    "a component of a module inside": (
        {"model_index.json": PIPELINE | {"unet": ["diffusers.utils.x", "Y"]}, **UNET},
        "diffusers.utils.x",
    ),
    "a pipeline from a file": (
        {"model_index.json": PIPELINE | {"_class_name": ["x", "Y"]}, **UNET},
        "_class",
    ),
    "pickled weights": (
        {"config.json": LLAMA_CONFIG, "pytorch_model.bin": pickle.dumps({})},
        "pytorch_model",
    ),
    "a shard that climbs": (
        {
            "config.json": LLAMA_CONFIG,
            "model.safetensors.index.json": {"weight_map": {"a": "../../x.safetensors"}},
            "model.safetensors": TINY,
        },
        "../../x",
    ),
}


@pytest.mark.parametrize("name", CODE)
def test_code_is_refused_with_the_reason(tmp_path: Path, name: str) -> None:
    files, words = CODE[name]
    write(tmp_path, files)
    modules = set(sys.modules)
    with pytest.raises(StudioError) as caught:
        recognize(tmp_path)
    failure = caught.value.failure
    assert failure.code == "model.unsafe"
    assert words in failure.values["what"]
    assert words in failure.message
    assert not set(sys.modules) - modules  # nothing foreign was imported
    finding = identify(tmp_path)
    assert finding.failure is not None
    assert finding.failure.code == "model.unsafe"
    with pytest.raises(StudioError) as caught:  # whatever the user says that it is
        recognize(tmp_path, specs=families().values(), treat=True)
    assert caught.value.failure.code == "model.unsafe"


def test_there_are_enough_that_ask_for_code() -> None:
    assert len(CODE) >= 40


@pytest.mark.parametrize(
    "harmless", [{"auto_map": None}, {"trust_remote_code": False}, {"attn_implementation": "sdpa"}]
)
def test_what_asks_for_nothing_is_taken(tmp_path: Path, harmless: dict[str, Any]) -> None:
    write(
        tmp_path,
        {"config.json": LLAMA_CONFIG | harmless, "model.safetensors": TINY, "vocab.json": {"auto_map": 7}},
    )
    assert recognize(tmp_path).spec.name == "transformers_text"


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", ["model.safetensors", "model.gguf", "model.ckpt"])
def test_a_pickle_under_any_name(tmp_path: Path, name: str, protocol: int) -> None:
    file = tmp_path / name
    file.write_bytes(pickle.dumps({"state_dict": {}}, protocol))
    assert code_of(file) == "model.unsafe"


# --- checkers that fail ---------------------------------------------------------------------------

GOOD: dict[str, dict[str, Any]] = {
    "a folder of transformers": {"config.json": LLAMA_CONFIG, "model.safetensors": TINY},
    "a folder of diffusers": {"model_index.json": PIPELINE, **UNET},
    "a GGUF file": {"m.gguf": QWEN},
}
CHECKERS = [
    *((headers, name) for name in ("magic", "read_json", "safetensors_header", "gguf_architecture")),
    *((module, name) for name in ("kind_of", "like", "has", "gguf_shards", "fits", "_best")),
    *(
        (module._Finder, name)
        for name, value in vars(module._Finder).items()
        if callable(value) and name not in ("__init__", "_refuse")
    ),
]


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("error", [RuntimeError, OSError, HeaderError])
def test_a_checker_that_fails_lets_nothing_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, error: type[Exception]
) -> None:
    """Whichever call of whichever checker fails: there is no model then."""
    write(tmp_path, GOOD[name])
    calls: list[str] = []

    def watched(holder: Any, which: str, broken: int | None) -> Any:
        original = getattr(holder, which)

        def call(*given: Any, **named: Any) -> Any:
            calls.append(which)
            if len(calls) - 1 == broken:
                raise error("injected")
            return original(*given, **named)

        return call

    def attempt(broken: int | None) -> list[str]:
        calls.clear()
        with monkeypatch.context() as patch:
            for holder, which in CHECKERS:
                patch.setattr(holder, which, watched(holder, which, broken))
            recognize(tmp_path)
        return list(calls)

    whole = attempt(None)
    assert len(whole) >= 5
    for broken in range(len(whole)):
        with pytest.raises((error, StudioError)):
            attempt(broken)
