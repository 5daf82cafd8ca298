"""Loading a folder with transformers, with progress and a way out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from tqdm import tqdm
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, PreTrainedModel
from transformers.utils import logging

from studio.diffusion import stored
from studio.domain.failure import StudioError

if TYPE_CHECKING:
    from studio.engine.context import Context

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
        if method != stored.METHOD:
            raise StudioError("quant.unsupported", name=name, format=str(method))
        return _load_quantized(context, config, path, name)
    tokenizer = AutoTokenizer.from_pretrained(path, **SAFE)
    with _progress(context):
        model = AutoModelForCausalLM.from_pretrained(
            path, config=config, dtype=_dtype(context), use_safetensors=True, **SAFE
        )
    return model.to(context.device).eval(), tokenizer


def _load_quantized(context: Context, config: Any, path: str, name: str) -> tuple[PreTrainedModel, Any]:
    config.quantization_config = None
    tokenizer = AutoTokenizer.from_pretrained(path, **SAFE)
    try:
        model = stored.load(Path(path), lambda: AutoModelForCausalLM.from_config(config))
    except ValueError as error:
        raise StudioError("model.unrecognized", name=name, details=str(error)) from error
    context.check_cancelled()
    return model.to(context.device), tokenizer


def _dtype(context: Context) -> Any:
    """On a CPU float32 was measured 1.7 to 3 times as fast, even on one with bfloat16 instructions."""
    asked = context.plan.precision_of("model")
    if asked != "auto":
        return getattr(torch, asked)
    return torch.float32 if context.device == "cpu" else "auto"


@contextmanager
def _progress(context: Context) -> Iterator[None]:
    """What the library would draw as a bar goes to *context*, which may raise Cancelled there."""

    class Bar(tqdm):  # pyright: ignore[reportMissingTypeArgument]
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **(options | {"disable": True}))

        def __iter__(self) -> Iterator[Any]:
            total = len(self.iterable)
            for n, item in enumerate(self.iterable, 1):
                yield item
                context.progress(n / total)

    before = logging.set_tqdm_hook(lambda _factory, args, options: Bar(*args, **options))
    try:
        yield
    finally:
        logging.set_tqdm_hook(before)
