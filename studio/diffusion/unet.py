"""What families have in common whose denoiser is a UNet guided by two prompts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from studio.diffusion import precision, schedulers
from studio.diffusion.drawing import Drawing
from studio.diffusion.loading import Source, keep_outside, load_parts, unfit
from studio.domain.plan import AUTO

if TYPE_CHECKING:
    from studio.engine.context import Context


class UNetDrawing(Drawing):
    """`encode` may use what `load_unet` gave to the pipeline."""

    DENOISER = "unet"

    def load_unet(
        self, context: Context, model: Source, tokenizers: dict[str, Any], title: str
    ) -> dict[str, Any]:
        """What a pipeline of diffusers' is made of, the parts checked against each other.

        Raises StudioError `model.unrecognized`.
        """
        plan, size = context.plan, model.sizes["unet"]
        types = precision.choose(
            context.spec, device=context.device, planned=plan.precision, weight_bytes=size
        )
        parts = load_parts(context, model, types, tokenizers, title)
        _check(parts, title)
        unet = parts["unet"]
        usual = context.device != "cpu" or unet.dtype != torch.float32  # small ones on the CPU take longer
        if usual if plan.memory_format == AUTO else plan.channels_last:
            unet.to(memory_format=torch.channels_last)
        if unet.dtype != torch.float32:
            keep_outside(unet, unet.conv_in)
        self._scheduler: Path = model.scheduler
        return {**parts, "scheduler": schedulers.build("ddim", self._scheduler, steps=1)}

    def scheduler(self, values: dict[str, Any]) -> Any:
        return schedulers.build(values["scheduler"], self._scheduler, steps=values["steps"])

    def settings(self, values: dict[str, Any]) -> dict[str, Any]:
        return {"guidance_scale": values["guidance"]}


def hand_over(pipeline: Any, *names: str) -> Any:
    """*pipeline*, which takes what was read of the prompt, its arguments *names*, as it is.

    By itself it makes the text encoder's numbers of it, and of the latents too.
    """
    pipeline.encode_prompt = lambda *_, **given: tuple(given[name] for name in names)
    return pipeline


def _check(parts: dict[str, Any], title: str) -> None:
    unet, vae = parts["unet"].config, parts["vae"].config
    if unet.in_channels != vae.latent_channels:  # made to continue a picture: it wants one
        raise unfit(
            title,
            f"the denoiser takes {unet.in_channels} channels, the autoencoder has {vae.latent_channels}",
        )
    width = sum(part.config.hidden_size for name, part in parts.items() if name.startswith("text_encoder"))
    if unet.cross_attention_dim != width:
        raise unfit(title, f"the denoiser reads {unet.cross_attention_dim} values, the text has {width}")
