"""Loading a folder with transformers, with progress and a way out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

from studio.diffusion.reading import reading
from studio.domain.failure import StudioError

if TYPE_CHECKING:
    from studio.engine.context import Context

EAGER = "eager"
SAFE = {"local_files_only": True, "trust_remote_code": False}


def load(context: Context, path: str, name: str) -> tuple[PreTrainedModel, Any]:
    """The model, on the context's device, and its tokenizer.

    *name* is for messages. Raises StudioError `model.unrecognized` for a kind that this version does
    not know or that brings its own code, `quant.unsupported` for one that needs another library.
    """
    try:
        config = AutoConfig.from_pretrained(path, **SAFE)
    except ValueError as error:
        raise StudioError("model.unrecognized", name=name, details=str(error)) from error
    if quantized := getattr(config, "quantization_config", None):
        method = quantized.get("quant_method", "?") if isinstance(quantized, dict) else "?"
        raise StudioError("quant.unsupported", name=name, format=str(method))
    tokenizer = AutoTokenizer.from_pretrained(path, **SAFE)
    with reading(context):
        model = AutoModelForCausalLM.from_pretrained(
            path,
            config=config,
            dtype=_dtype(context),
            use_safetensors=True,
            # Fused by itself, where the model's code can: asked for, it would fail with what cannot.
            attn_implementation=EAGER if context.plan.attention == EAGER else None,
            **SAFE,
        )
    return model.to(context.device).eval(), tokenizer


def _dtype(context: Context) -> Any:
    """On a CPU float32 was measured 1.7 to 3 times as fast, even on one with bfloat16 instructions."""
    asked = context.plan.precision_of("model")
    if asked != "auto":
        return getattr(torch, asked)
    return torch.float32 if context.device == "cpu" else "auto"
