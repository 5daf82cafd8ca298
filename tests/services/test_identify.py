"""Files and folders of every kind: what is said of each, and whether and why not it can be used."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from studio.domain.failure import StudioError
from studio.families.registry import families
from studio.services.library import identify as module
from studio.services.library.identify import identify
from studio.services.library.library import Library
from tests.fakes.model_files import TINY, checkpoint, gguf_text, pickled_tensor, safetensors, text, write
from tests.layouts.files import layout, names, write_file

RUNS = {"sd-1.5", "sd-2.1", "sdxl-base", "flux-dev", "flux-schnell", "flux-all-in-one"}


def gguf_of(name: str, architecture: str) -> bytes:
    """A GGUF file with the tensors of a layout, all of no bytes: an odd one, whose header is right."""
    tensors = layout(name)[0]
    data = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), 1) + gguf_text("general.architecture", architecture)
    for tensor, entry in tensors.items():
        sides = entry.shape[::-1][:4]
        data += text(tensor) + struct.pack(f"<I{len(sides)}Q", len(sides), *sides) + struct.pack("<IQ", 1, 0)
    return data


@pytest.mark.parametrize("name", names())
def test_files_of_real_layouts(tmp_path: Path, name: str) -> None:
    size = write_file(tmp_path / "m.safetensors", name)
    finding = identify(tmp_path / "m.safetensors")
    expected = layout(name)[1]
    assert finding.runnable == (name in RUNS)
    assert finding.kind == ("model" if name in RUNS else expected["kind"])
    assert expected.get("family", finding.family) == finding.family
    assert finding.bytes == size
    assert finding.precision
    if not finding.runnable:
        assert finding.failure is not None
        assert finding.failure.code in ("model.part", "model.not_yet")


@pytest.mark.parametrize("name", names())
def test_no_family_takes_what_is_another(name: str) -> None:
    """What specs say of files and what the tables say agree on every layout."""
    from studio.services.library import recognize

    tensors, expected = layout(name)
    takers = {
        spec.name
        for spec in families().values()
        for each in spec.layouts
        if each.kind == "safetensors" and recognize._all_named(each, tensors)
    }
    assert takers == ({expected["family"]} if name in RUNS else set())


@pytest.mark.parametrize("name", ["flux-dev", "wan-1.3b", "z-image", "hunyuan-video", "lumina-2"])
def test_denoisers_as_gguf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    file = tmp_path / "m.gguf"
    file.write_bytes(gguf_of(name, "flux" if "flux" in name else "whatever"))
    with file.open("r+b") as stream:
        stream.truncate(2**36)  # a hole where the data would be
    finding = identify(file)
    assert (finding.kind, finding.container, finding.family) == (
        "denoiser",
        "gguf",
        layout(name)[1]["family"],
    )
    assert finding.precision == "F16"
    assert finding.failure is not None
    assert finding.failure.code == "model.part"


GGUFS: dict[str, tuple[tuple[bytes, ...], str]] = {
    "qwen2": ((gguf_text("general.architecture", "qwen2"),), "model"),
    "clip": ((gguf_text("general.architecture", "clip"),), "projector"),
    "t5encoder": ((gguf_text("general.architecture", "t5encoder"),), "text_encoder"),
    "bert": ((gguf_text("general.architecture", "bert"),), "model"),
    "adapter": (
        (gguf_text("general.type", "adapter"), gguf_text("general.architecture", "llama")),
        "lora",
    ),
    "nobody": ((gguf_text("general.architecture", "nobody"),), "unknown"),
}


@pytest.mark.parametrize("name", GGUFS)
def test_gguf_files_by_what_they_name(tmp_path: Path, name: str) -> None:
    entries, kind = GGUFS[name]
    data = b"GGUF" + struct.pack("<IQQ", 3, 0, len(entries)) + b"".join(entries)
    (tmp_path / "m").write_bytes(data)
    finding = identify(tmp_path / "m")
    assert finding.kind == kind
    assert finding.runnable == (name == "qwen2")


FOLDERS: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "a pipeline that cannot run yet": (
        {"model_index.json": {"_class_name": "QwenImageEditPipeline"}},
        "model",
        "Qwen-Image-Edit",
        "model.not_yet",
    ),
    "one of nobody": (
        {"model_index.json": {"_class_name": "NobodyPipeline"}},
        "unknown",
        "",
        "model.unrecognized",
    ),
    "a ControlNet": (
        {"config.json": {"_class_name": "FluxControlNetModel"}, "diffusion_pytorch_model.safetensors": TINY},
        "controlnet",
        "ControlNet",
        "model.part",
    ),
    "a hearer": (
        {"config.json": {"architectures": ["WhisperForConditionalGeneration"]}, "model.safetensors": TINY},
        "model",
        "Speech recognition",
        "model.not_yet",
    ),
    "a LoRA by PEFT": (
        {"adapter_config.json": {"peft_type": "LORA"}, "adapter_model.safetensors": TINY},
        "lora",
        "LoRA (PEFT adapter)",
        "model.part",
    ),
    "a tokenizer": ({"tokenizer.json": {}, "tokenizer_config.json": {}}, "tokenizer", "", "model.part"),
    "only a pickle": ({"pytorch_model.bin": b"\x80\x02}."}, "checkpoint", "", "model.unsafe"),
    "nothing": ({"note.txt": b"words"}, "unknown", "", "model.unrecognized"),
}


@pytest.mark.parametrize("name", FOLDERS)
def test_folders(tmp_path: Path, name: str) -> None:
    files, kind, called, code = FOLDERS[name]
    finding = identify(write(tmp_path, files))
    assert finding.failure is not None
    assert (finding.kind, finding.name, finding.failure.code) == (kind, called, code)
    for _ in ("message", "hint"):
        assert "{" not in getattr(finding.failure, _)


def test_a_file_that_is_cut_short_is_known_all_the_same(tmp_path: Path) -> None:
    file = tmp_path / "m.safetensors"
    size = write_file(file, "sdxl-base")
    with file.open("r+b") as stream:
        stream.truncate(size - 1)
    finding = identify(file)
    assert (finding.name, finding.runnable) == ("Stable Diffusion XL", False)
    assert finding.failure is not None
    assert finding.failure.code == "model.cut_short"


@pytest.mark.parametrize(
    ("mark", "format"),
    [("img_in.weight.quant_state.bitsandbytes__nf4", "NF4"), ("img_in.scale_weight", "FP8 with scales")],
)
def test_what_is_quantized_in_a_way_that_nobody_reads_is_not_run(
    tmp_path: Path, mark: str, format: str
) -> None:
    from studio.services.library.headers import Tensor
    from studio.services.library.recognize import recognize

    tensors = layout("flux-dev")[0]
    write_file(tmp_path / "m.safetensors", "flux-dev")
    assert recognize(tmp_path / "m.safetensors", tensors=tensors).spec.name == "flux"
    with pytest.raises(StudioError) as caught:
        recognize(tmp_path / "m.safetensors", tensors=tensors | {mark: Tensor("U8", (9,), (0, 9))})
    assert (caught.value.failure.code, caught.value.failure.values["format"]) == ("quant.unsupported", format)


def test_what_is_not_there(tmp_path: Path) -> None:
    finding = identify(tmp_path / "none")
    assert finding.failure is not None
    assert finding.failure.code == "model.missing"


def test_one_file_of_a_folder_stands_for_it(tmp_path: Path) -> None:
    write(tmp_path, {"config.json": {"architectures": ["LlamaForCausalLM"]}, "model.safetensors": TINY})
    finding = identify(tmp_path / "model.safetensors")
    assert (finding.path, finding.family) == (str(tmp_path), "transformers_text")


def test_a_pickle_is_looked_into_only_when_asked(tmp_path: Path) -> None:
    """By the locked process; what it is is known then, and it stays unusable."""
    described = pickled_tensor("0", 8 * 768, (8, 768), (768, 1)).replace(b"w", b"w")
    named = described.replace(struct.pack("<I", 1) + b"w", struct.pack("<I", 10) + b"emb_params")
    file = checkpoint(tmp_path / "e.pt", named, {"0": b"\0" * 8 * 768 * 4})
    assert identify(file).kind == "checkpoint"
    finding = identify(file, pickles=True)
    assert (finding.kind, finding.bases, finding.precision) == ("embedding", ("Stable Diffusion 1.x",), "F32")
    assert finding.failure is not None
    assert finding.failure.code == "model.unsafe"
    file.write_bytes(b"PK\x03\x04 and nothing")
    assert identify(file, pickles=True).kind == "checkpoint"


def test_looking_never_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the disk in the middle is a finding, not the end of a scan."""
    write(tmp_path, {"a.safetensors": safetensors({"emb_params": ("F32", [1, 768], b"\0" * 3072)})})

    def failing(*_: Any) -> Any:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(module, "content_of", failing)
    finding = identify(tmp_path / "a.safetensors")
    assert finding.failure is not None
    assert finding.failure.code == "model.missing"


async def test_what_the_user_calls_it_is_kept(tmp_path: Path) -> None:
    """The family, the title and the folder with the rest: also after a restart."""
    odd = b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + gguf_text("general.architecture", "a-new-one")
    write(tmp_path / "theirs", {"sha256-0123": odd})
    file = tmp_path / "theirs" / "sha256-0123"
    library = Library(tmp_path / "models")
    assert not identify(file).runnable
    entry = await library.add(file, "gguf_text", title="new:8b")
    assert entry.model.title == {"en": "new:8b"}
    again = Library(tmp_path / "models")
    resolved = again.resolve(str(file))
    assert (resolved.spec.name, resolved.source.title) == ("gguf_text", "new:8b")


async def test_what_is_not_treated_as_anything_its_family_cannot_load(tmp_path: Path) -> None:
    write(tmp_path, {"m.safetensors": TINY, "p.pt": b"\x80\x02}."})
    library = Library(tmp_path / "models")
    for file, family, code in (
        ("m.safetensors", "gguf_text", "model.unrecognized"),
        ("p.pt", "flux", "model.unsafe"),
        ("m.safetensors", "nobody", "model.unrecognized"),
    ):
        with pytest.raises(StudioError) as caught:
            await library.add(tmp_path / file, family)
        assert caught.value.failure.code == code
    assert library.own() == []
