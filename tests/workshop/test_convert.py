"""The same model in another type or form, and what it computes stays the same."""

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from studio.domain.failure import StudioError
from studio.families.stable_diffusion import single_file, sources
from studio.workshop import perplexity


def kinds(folder: Path) -> set[str]:
    found: set[str] = set()
    for file in folder.rglob("*.safetensors"):
        with safe_open(file, "pt") as tensors:
            found |= {tensors.get_slice(name).get_dtype() for name in tensors.keys()}  # noqa: SIM118
    return found


@pytest.mark.parametrize(("target", "kind"), [("bfloat16", "BF16"), ("float16", "F16"), ("float32", "F32")])
def test_types(bench, language, target, kind):
    made = bench.work("convert", language, target=target)
    assert kinds(Path(made.path)) == {kind}
    assert json.loads((Path(made.path) / "config.json").read_text())["dtype"] == target


def test_one_part_alone_changes_its_type(bench, diffusion):
    before = kinds(diffusion / "vae")
    made = bench.work("convert", diffusion, target="bfloat16", part="unet")
    assert kinds(Path(made.path) / "unet") == {"BF16"}
    assert kinds(Path(made.path) / "vae") == before != {"BF16"}


def test_numbers_too_large_for_a_type_are_counted(bench, language, tmp_path):
    import shutil

    large = shutil.copytree(language, tmp_path / "large")
    tensors = load_file(large / "model.safetensors")
    name = next(iter(tensors))
    tensors[name].view(-1)[:3] = 1e6
    save_file(tensors, large / "model.safetensors", metadata={"format": "pt"})
    notes = bench.report(bench.work("convert", large, target="float16")).notes
    assert [(note.key, note.values["count"]) for note in notes] == [("workshop.note.overflow", "3")]
    assert bench.report(bench.work("convert", large, target="bfloat16")).notes == ()


def test_gguf_writes_what_transformers_would(bench, language):
    """In a fresh llama.cpp and a fresh transformers, without chance: the same words."""
    made = bench.work("convert", language, target="gguf", report=True)
    report = bench.report(made)
    told = Path(made.path) / "report"
    before, after = ((told / each.files[0]).read_text("utf-8") for each in (report.before, report.after))
    assert before
    assert after[:20] == before[:20]
    assert report.after.perplexity["zh"] == pytest.approx(report.before.perplexity["zh"], rel=0.02)


def test_torch_export_computes_the_same(bench, language):
    made = bench.work("convert", language, target="torch_export")
    assert bench.report(made).figures["model.cosine"] > 0.9999
    assert made.media_type == "application/x-studio-files"
    assert (Path(made.path) / "model.pt2").is_file()


def test_one_part_for_itself(bench, diffusion):
    made = bench.work("convert", diffusion, target="component", part="vae")
    assert (Path(made.path) / "config.json").read_bytes() == (diffusion / "vae" / "config.json").read_bytes()
    with pytest.raises(StudioError):
        bench.work("convert", diffusion, target="component")


def test_one_file_and_back(bench, diffusion, monkeypatch):
    monkeypatch.setattr(sources, "V1", diffusion)
    monkeypatch.setattr(single_file, "V1", diffusion)
    packed = bench.work("convert", diffusion, target="single_file")
    file = next(Path(packed.path).glob("*.safetensors"))
    back = bench.work("convert", file, target="diffusers")
    for part in ("unet", "vae", "text_encoder"):
        one, two = (_weights(folder / part) for folder in (diffusion, Path(back.path)))
        assert one.keys() == two.keys()
        assert all(torch.equal(one[name].half(), two[name].half()) for name in one)


def test_a_folder_of_another_shape_is_no_single_file(bench):
    with pytest.raises(StudioError) as error:
        bench.work("convert", "starter-icons", target="single_file")
    assert error.value.failure.values["reason"] == "workshop.reason.form"
    assert bench.leftovers == []


def test_a_lora_becomes_part_of_the_weights(bench, language, tmp_path):
    from peft import LoraConfig, get_peft_model

    model, tokenizer = perplexity.load(language)
    torch.manual_seed(0)
    adapted = get_peft_model(model, LoraConfig(r=4, target_modules=["q_proj"], init_lora_weights=False))
    adapted.save_pretrained(tmp_path / "lora")
    given = tokenizer("the quick brown fox", return_tensors="pt")["input_ids"]
    with torch.no_grad():
        wanted = adapted(given).logits
        plain = perplexity.load(language)[0](given).logits
    made = bench.work("convert", language, target="merge_lora", lora=str(tmp_path / "lora"))
    with torch.no_grad():
        found = perplexity.load(Path(made.path))[0](given).logits
    assert torch.allclose(found, wanted, atol=1e-3)
    assert not torch.allclose(found, plain, atol=1e-3)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"target": "merge_lora"}, "workshop.reason.lora"),
        ({"target": "merge_lora", "lora": "nowhere"}, "workshop.reason.lora"),
    ],
)
def test_what_cannot_be_done_says_so(bench, language, values, reason):
    with pytest.raises(StudioError) as error:
        bench.work("convert", language, **values)
    assert error.value.failure.values["reason"] == reason
    assert bench.leftovers == []


def _weights(folder: Path) -> dict[str, torch.Tensor]:
    return {name: value for file in folder.glob("*.safetensors") for name, value in load_file(file).items()}
