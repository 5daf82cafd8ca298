"""The models of the grid: real architectures, real or reduced sizes, random weights; built once and kept."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench import models as known
from tests.bench.plan import large
from tests.fakes import tiny_text

WORDS = 2000  # enough for every word of the prompts to be one, as frequent words are in real vocabularies
TEXT = "Tell a long story about a lighthouse, its keeper and the sea."


def language_model(folder: Path, kind: str, dtype: str, **sizes: int) -> None:
    """A transformers folder that writes as long as it may: nothing ends its texts."""
    import torch
    import transformers

    tokenizer = tiny_text.fast_tokenizer(tiny_text.trained(TEXT, WORDS))
    config = getattr(transformers, f"{kind.removesuffix('LMHeadModel')}Config")(
        vocab_size=sizes.pop("vocabulary"), bos_token_id=0, eos_token_id=2, **sizes
    )
    with torch.device("cpu"), known.Weights(getattr(torch, dtype)):
        model = getattr(transformers, kind if kind.endswith("Model") else f"{kind}ForCausalLM")(config)
    head = model.get_output_embeddings()
    with torch.no_grad():  # the ends of a text never come
        head.weight[: len(tiny_text.SPECIALS)] = 0
        head.weight[len(tokenizer) :] = 0
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _llama(folder: Path) -> None:
    language_model(
        folder, "Llama", "bfloat16", vocabulary=32_000, hidden_size=768, intermediate_size=2048,
        num_hidden_layers=12, num_attention_heads=12, num_key_value_heads=12, max_position_embeddings=2048,
    )  # fmt: skip


def _qwen(folder: Path) -> None:
    """As wide and deep as Qwen2.5 0.5B, with a smaller vocabulary."""
    language_model(
        folder, "Qwen2", "float32", vocabulary=60_000, hidden_size=896, intermediate_size=4864,
        num_hidden_layers=24, num_attention_heads=14, num_key_value_heads=2, max_position_embeddings=4096,
    )  # fmt: skip


def _gpt(folder: Path) -> None:
    language_model(
        folder, "GPT2LMHeadModel", "float16", vocabulary=50_257, n_embd=1024, n_layer=24, n_head=16,
        n_positions=1024,
    )  # fmt: skip


def _gguf(width: int, layers: int, kind: str) -> Callable[[Path], None]:
    def write(place: Path) -> None:
        from studio.families.gguf_text.random_model import Shape
        from studio.families.gguf_text.random_model import write as write_model

        place.mkdir()
        shape = Shape(width=width, inner=width * 8 // 3 // 256 * 256, layers=layers, vocabulary=8192)
        write_model(place / "model.gguf", kind, shape, vocabulary=_words)

    return write


def _words(writer: Any, size: int) -> None:
    """The words of the prompts, and invented ones up to *size*."""
    from studio.families.gguf_text.random_model import END

    model = json.loads(tiny_text.trained(TEXT, WORDS))["model"]
    known = sorted(model["vocab"], key=model["vocab"].__getitem__)
    words = [*known, *(f"w{n}" for n in range(len(known), size))]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(words)
    writer.add_token_types([1] * len(words))
    writer.add_token_merges([pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(END)


SHAPES: dict[str, Callable[[Path], None]] = {
    "llama-160m": _llama,
    "qwen2-400m": _qwen,
    "gpt2-350m": _gpt,
    "gguf-q4": _gguf(1536, 16, "Q4_K"),
    "gguf-q8": _gguf(1024, 20, "Q8_0"),
    "xl-half": large.xl,
    "flux-reduced": large.flux,
    "musicgen-small": large.music,
}


def place(name: str) -> Path:
    """The model *name*, built if this is the first time."""
    if name == "icons":
        return known.ICONS
    if name == "sd15":
        return known.stable_diffusion()
    folder = known.cache() / "plan" / name
    if not folder.exists():
        aside = folder.with_name(f"{name}.part")
        shutil.rmtree(aside, ignore_errors=True)
        aside.parent.mkdir(parents=True, exist_ok=True)
        SHAPES[name](aside)
        aside.rename(folder)
    return folder
