"""Stable Diffusion XL on diffusers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from diffusers import AutoencoderKL, StableDiffusionXLPipeline, UNet2DConditionModel
from safetensors import safe_open
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from studio.diffusion.drawing import longest, tokens
from studio.diffusion.loading import LOCAL, Folder, Source, unfit
from studio.diffusion.original import OriginalFile
from studio.diffusion.unet import UNetDrawing, hand_over
from studio.families.stable_diffusion_xl import original

if TYPE_CHECKING:
    from studio.engine.context import Context

KINDS: dict[str, Any] = {
    "text_encoder": CLIPTextModel,
    "text_encoder_2": CLIPTextModelWithProjection,
    "unet": UNet2DConditionModel,
    "vae": AutoencoderKL,
}
TOKENIZERS = {"tokenizer": CLIPTokenizer, "tokenizer_2": CLIPTokenizer}
PADS = {"tokenizer": "<|endoftext|>", "tokenizer_2": "!"}
READ = ("prompt_embeds", "negative_prompt_embeds", "pooled_prompt_embeds", "negative_pooled_prompt_embeds")
CONDITIONS = 6  # numbers that the denoiser is told: both sizes and where the picture was cut


class Pipeline(UNetDrawing):
    """See `Drawing`."""

    def load(self, context: Context, path: Path, title: str) -> Any:
        parts = self.load_unet(context, _source(path, title), TOKENIZERS, title)
        _check_conditions(parts, title)
        index = StableDiffusionXLPipeline.load_config(str(path), **LOCAL) if path.is_dir() else {}
        pipeline = StableDiffusionXLPipeline(
            **parts,
            force_zeros_for_empty_prompt=index.get("force_zeros_for_empty_prompt", True),
            add_watermarker=False,
        )
        return hand_over(pipeline, *READ)

    def encode(self, context: Context, values: dict[str, Any]) -> dict[str, Any]:
        wanted, pooled = self._embed(context, values["prompt"])
        given = {"prompt_embeds": wanted, "pooled_prompt_embeds": pooled}
        if values["guidance"] <= 1:
            return given
        if values["negative"] or not self._diffusers.config.force_zeros_for_empty_prompt:
            unwanted, unwanted_pooled = self._embed(context, values["negative"])
        else:
            unwanted, unwanted_pooled = torch.zeros_like(wanted), torch.zeros_like(pooled)
        return {
            **given,
            "negative_prompt_embeds": unwanted,
            "negative_pooled_prompt_embeds": unwanted_pooled,
        }

    def _embed(self, context: Context, text: str) -> tuple[torch.Tensor, torch.Tensor]:
        """*text* as both encoders read it, (1, tokens, width of both), and as a whole, (1, width)."""
        pipe, read = self._diffusers, []
        for tokenizer, encoder in (
            (pipe.tokenizer, pipe.text_encoder),
            (pipe.tokenizer_2, pipe.text_encoder_2),
        ):
            ids = tokens(context, tokenizer, text, longest(tokenizer, encoder), tell=not read)
            read.append(encoder(ids, output_hidden_states=True))
        layers = [output.hidden_states[-2] for output in read]  # the last but one: so it was trained
        return torch.cat([layer.float() for layer in layers], dim=-1), read[1].text_embeds.float()


def _source(path: Path, title: str) -> Source:
    """Raises StudioError `model.missing_file`."""
    if not path.is_file():
        return Folder(path, title, KINDS)
    file = OriginalFile(path, original.PREFIXES, KINDS, original.BASE, pads=PADS)
    with safe_open(path, "pt") as tensors:
        if original.MARK in tensors.keys():  # noqa: SIM118 - not a dict
            file.scheduler = original.VELOCITY
    return file


def _check_conditions(parts: dict[str, Any], title: str) -> None:
    unet, text = parts["unet"].config, parts["text_encoder_2"].config
    told = CONDITIONS * (unet.addition_time_embed_dim or 0) + text.projection_dim
    if unet.addition_embed_type != "text_time" or unet.projection_class_embeddings_input_dim != told:
        wanted = unet.projection_class_embeddings_input_dim
        raise unfit(title, f"the denoiser is told {told} values of the picture as a whole, not {wanted}")
