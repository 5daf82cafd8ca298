"""How surprised a language model is by the bundled texts: the lower, the better it knows the language."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from studio.domain import late
from studio.domain.anatomy import GGUF, anatomy

if TYPE_CHECKING:
    from studio.engine.context import Context

TEXTS = Path(__file__).resolve().parents[2] / "assets" / "workshop" / "texts.json"
WINDOW = 256  # tokens that are read at once


def texts() -> dict[str, list[str]]:
    """Our own plain prose, by language. What trains or recovers a model must leave out the first of each."""
    return json.loads(TEXTS.read_text("utf-8"))


def perplexity(context: Context, path: Path) -> dict[str, float]:
    """By language. The model at *path* is loaded, and forgotten again. Raises Cancelled."""
    model, tokenizer = load(path)
    with context.guard(model):
        return {language: of_text(model, tokenizer, held[0]) for language, held in texts().items()}


def load(path: Path) -> tuple[Any, Any]:
    """A causal model and its tokenizer, on the processor; a GGUF's weights become numbers again."""
    late.hide()
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    from studio.diffusion import stored
    from studio.workshop.parts import quiet

    quiet()
    found = anatomy(path)
    where: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    folder = found.path
    if found.layout == GGUF:
        folder = found.path.parent
        where["gguf_file"] = found.path.name
    tokenizer = AutoTokenizer.from_pretrained(str(folder), **where)
    if found.layout != GGUF and stored.quantized(folder):
        config = AutoConfig.from_pretrained(str(folder), **where)
        config.quantization_config = None
        return stored.load(folder, lambda: AutoModelForCausalLM.from_config(config)), tokenizer
    model = AutoModelForCausalLM.from_pretrained(str(folder), dtype=torch.float32, **where)
    return model.eval(), tokenizer


@torch.no_grad()
def of_text(model: Any, tokenizer: Any, text: str) -> float:
    """Over all tokens of *text* but the first, each with up to a window before it."""
    ids = tokenizer(text, return_tensors="pt")["input_ids"][0]
    window = min(WINDOW, getattr(model.config, "max_position_embeddings", WINDOW) or WINDOW)
    surprise, count = 0.0, 0
    for at in range(0, max(1, len(ids) - 1), window):
        piece = ids[at : at + window]
        if len(piece) < 2:
            break
        logits = model(input_ids=piece[None]).logits[0, :-1].float()
        surprise += float(torch.nn.functional.cross_entropy(logits, piece[1:], reduction="sum"))
        count += len(piece) - 1
    return math.exp(min(surprise / max(1, count), 50.0))
