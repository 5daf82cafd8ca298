"""Flux on diffusers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from diffusers import (
    AutoencoderKL,
    FlowMatchEulerDiscreteScheduler,
    FluxPipeline,
    FluxTransformer2DModel,
)
from safetensors import safe_open
from transformers import CLIPTextModel, CLIPTokenizer, T5EncoderModel, T5Tokenizer

from studio.diffusion import precision
from studio.diffusion.drawing import Drawing, longest, tokens
from studio.diffusion.loading import Folder, Source, keep_outside, load_parts, unfit
from studio.diffusion.original import OriginalFile, Together
from studio.domain.failure import StudioError
from studio.families.flux import original
from studio.families.flux.conversion import converted
from studio.families.flux.walk import PATCH, words_read

if TYPE_CHECKING:
    from studio.engine.context import Context

KINDS: dict[str, Any] = {
    "text_encoder": CLIPTextModel,
    "text_encoder_2": T5EncoderModel,
    "transformer": FluxTransformer2DModel,
    "vae": AutoencoderKL,
}
TOKENIZERS = {"tokenizer": CLIPTokenizer, "tokenizer_2": T5Tokenizer}


class Pipeline(Drawing):
    """See `Drawing`."""

    DENOISER = "transformer"

    def load(self, context: Context, path: Path, title: str) -> Any:
        model = _source(path, title, self._rest)
        types = precision.choose(
            context.spec,
            device=context.device,
            planned=context.plan.precision,
            weight_bytes=model.sizes["transformer"],
        )
        parts = load_parts(context, model, types, TOKENIZERS, title)
        _check(parts, title)
        transformer = parts["transformer"]
        if transformer.dtype != torch.float32:
            keep_outside(transformer, transformer.x_embedder)
        scheduler = FlowMatchEulerDiscreteScheduler.from_pretrained(
            str(model.scheduler), local_files_only=True
        )
        return FluxPipeline(**parts, scheduler=scheduler)

    def scheduler(self, values: dict[str, Any]) -> Any:
        del values
        return FlowMatchEulerDiscreteScheduler.from_config(self._diffusers.scheduler.config)

    def settings(self, values: dict[str, Any]) -> dict[str, Any]:
        return {"guidance_scale": values["guidance"]} if "guidance" in values else {}

    def encode(self, context: Context, values: dict[str, Any]) -> dict[str, Any]:
        """The one encoder reads every word, the other only what the picture is as a whole."""
        pipe, prompt = self._diffusers, values["prompt"]
        most = words_read(pipe.transformer.config)
        words = tokens(context, pipe.tokenizer_2, prompt, most)
        whole = tokens(
            context, pipe.tokenizer, prompt, longest(pipe.tokenizer, pipe.text_encoder), tell=False
        )
        return {
            "prompt_embeds": pipe.text_encoder_2(words)[0].float(),
            "pooled_prompt_embeds": pipe.text_encoder(whole).pooler_output.float(),
        }

    def latents(self, latents: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
        """From (batch, patches, channels of a patch)."""
        batch, _, channels = latents.shape
        across, down = (side // (self._diffusers.vae_scale_factor * PATCH) for side in size)
        patches = latents.view(batch, down, across, channels // PATCH**2, PATCH, PATCH)
        return patches.permute(0, 3, 1, 4, 2, 5).reshape(batch, -1, down * PATCH, across * PATCH)


def _source(path: Path, title: str, rest: Path | None) -> Source:
    """Raises StudioError `model.missing_file`."""
    if not path.is_file():
        return Folder(path, title, KINDS)
    if rest is None:
        raise StudioError("model.missing_file", name=title, file="tokenizer_2")
    with safe_open(path, "pt") as tensors:
        prefixes, guided = original.layout(tensors.keys())
    file = OriginalFile(
        path,
        prefixes,
        KINDS,
        original.CONFIGS,
        pads={},
        options={"transformer": {"guidance_embeds": guided}},
        conversions={"transformer": converted},
    )
    if guided:
        file.scheduler = original.DYNAMIC
    lacking = {name: kind for name, kind in KINDS.items() if name not in file.sizes}
    return Together(file, Folder(rest, title, lacking))


def _check(parts: dict[str, Any], title: str) -> None:
    denoiser, vae = parts["transformer"].config, parts["vae"].config
    for name, wanted, there in (
        ("latent channels", denoiser.in_channels // PATCH**2, vae.latent_channels),
        ("values of a word", denoiser.joint_attention_dim, parts["text_encoder_2"].config.d_model),
        ("values of the prompt", denoiser.pooled_projection_dim, parts["text_encoder"].config.hidden_size),
    ):
        if wanted != there:
            raise unfit(title, f"the denoiser takes {wanted} {name}, not {there}")
