"""Stable Diffusion 1.x and 2.x on diffusers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from diffusers import StableDiffusionPipeline
from transformers import CLIPTokenizer

from studio.diffusion.drawing import longest, tokens
from studio.diffusion.unet import UNetDrawing, hand_over
from studio.families.stable_diffusion.sources import source

if TYPE_CHECKING:
    from studio.engine.context import Context


class Pipeline(UNetDrawing):
    """See `Drawing`. The picture checker that some folders carry is left out."""

    def load(self, context: Context, path: Path, title: str) -> Any:
        pipeline = StableDiffusionPipeline(
            **self.load_unet(context, source(path, title), {"tokenizer": CLIPTokenizer}, title),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
        return hand_over(pipeline, "prompt_embeds", "negative_prompt_embeds")

    def encode(self, context: Context, values: dict[str, Any]) -> dict[str, Any]:
        wanted = self._embed(context, values["prompt"])
        unwanted = self._embed(context, values["negative"]) if values["guidance"] > 1 else None
        return {"prompt_embeds": wanted, "negative_prompt_embeds": unwanted}

    def _embed(self, context: Context, text: str) -> torch.Tensor:
        """*text* as the denoiser reads it, (1, tokens, width)."""
        tokenizer, encoder = self._diffusers.tokenizer, self._diffusers.text_encoder
        return encoder(tokens(context, tokenizer, text, longest(tokenizer, encoder)))[0].float()
