"""Stable Diffusion on diffusers: a prompt becomes pictures, one after another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image

from studio.domain.failure import StudioError
from studio.domain.parameter import MAX_SEED
from studio.families.stable_diffusion import loading, schedulers

if TYPE_CHECKING:
    from studio.domain.model import ModelSource
    from studio.domain.request import Request
    from studio.engine.context import Context

TILED = 768 * 768  # pixels; above, decoding in one piece takes more memory than everything else
FLAT = 3 / 255  # the darkest picture that anybody means still varies more


class Pipeline:
    """One loaded model. The same request gives the same pictures, byte for byte, on the same machine."""

    def __init__(self, context: Context, model: ModelSource | None) -> None:
        assert model is not None
        self._diffusers, self._scheduler = loading.load(context, Path(model.path), model.title)

    def close(self) -> None:
        del self._diffusers

    @torch.no_grad()
    def run(self, context: Context, request: Request) -> None:
        """Each picture has the seed after the one before, and is saved as soon as it is done."""
        values, count = request.values, request.values["count"]
        context.phase("encode")
        prompts = self._encode(context, values["prompt"], values["negative"], values["guidance"])
        for index in range(count):
            seed = (values["seed"] + index) % (MAX_SEED + 1)
            image = self._draw(context, values, prompts, seed, index)
            if image is None:
                image = self._draw_again(context, values, prompts, seed, index)
            context.phase("save")
            context.save_image(image, index=index, seed=seed)
            context.progress((index + 1) / count)

    def _encode(self, context: Context, prompt: str, negative: str, guidance: float) -> dict[str, Any]:
        wanted = self._embed(context, prompt)
        unwanted = self._embed(context, negative) if guidance > 1 else None
        return {"prompt_embeds": wanted, "negative_prompt_embeds": unwanted}

    def _embed(self, context: Context, text: str) -> torch.Tensor:
        """*text* as the denoiser reads it, (1, tokens, width); the user is told of what it leaves out.

        Not by the pipeline's own `encode_prompt`, which writes what is left out into the log.
        """
        pipe = self._diffusers
        longest = min(pipe.tokenizer.model_max_length, pipe.text_encoder.config.max_position_embeddings)
        used = len(pipe.tokenizer(text, verbose=False).input_ids)
        if used > longest:
            ends = pipe.tokenizer.num_special_tokens_to_add()
            context.notice("family.stable_diffusion.prompt_long", used=used - ends, limit=longest - ends)
        tokens = pipe.tokenizer(
            text, padding="max_length", max_length=longest, truncation=True, return_tensors="pt"
        )
        return pipe.text_encoder(tokens.input_ids.to(pipe.device))[0]

    def _draw(
        self, context: Context, values: dict[str, Any], prompts: dict[str, Any], seed: int, index: int
    ) -> Image.Image | None:
        """The picture number *index*, None if it came out broken."""
        latents = self._denoise(context, values, prompts, seed, index)
        context.phase("decode")
        context.progress(index / values["count"])
        image = self._decode(context, latents)
        context.progress((index + 1) / values["count"])
        return image

    def _denoise(
        self, context: Context, values: dict[str, Any], prompts: dict[str, Any], seed: int, index: int
    ) -> torch.Tensor:
        """The latents of one picture. Progress counts the steps of all."""
        context.phase("denoise")
        pipe, count = self._diffusers, values["count"]
        pipe.scheduler = schedulers.build(values["scheduler"], self._scheduler, steps=values["steps"])
        guess = schedulers.Guess(pipe.scheduler)

        def after_step(pipe: Any, step: int, _time: Any, tensors: dict[str, Any]) -> dict[str, Any]:
            steps = pipe.num_timesteps  # some methods take one more than asked
            context.step(index * steps + step + 1, count * steps, guess.of(tensors["latents"]), index=index)
            return {}

        width, height = values["size"]
        with context.guard(pipe.unet):
            return pipe(
                width=width,
                height=height,
                num_inference_steps=values["steps"],
                guidance_scale=values["guidance"],
                # On the CPU, so that a seed means the same on every device.
                generator=torch.Generator("cpu").manual_seed(seed),
                callback_on_step_end=after_step,
                output_type="latent",
                **prompts,
            ).images

    def _decode(self, context: Context, latents: torch.Tensor) -> Image.Image | None:
        """The picture of *latents*, None if it is not one: not numbers, or one flat colour."""
        pipe, vae = self._diffusers, self._diffusers.vae
        large = latents.shape[-1] * latents.shape[-2] * pipe.vae_scale_factor**2 > TILED
        vae.use_tiling = large if context.plan.tiling is None else context.plan.tiling
        with context.guard(vae.decoder):
            decoded = vae.decode((latents / vae.config.scaling_factor).to(vae.dtype), return_dict=False)[0]
        values = pipe.image_processor.postprocess(decoded, output_type="np")[0]
        if not np.isfinite(values).all() or values.max() - values.min() < FLAT:
            return None
        return pipe.image_processor.numpy_to_pil(values)[0]

    def _draw_again(
        self, context: Context, values: dict[str, Any], prompts: dict[str, Any], seed: int, index: int
    ) -> Image.Image:
        """Once more in full precision, in which the model stays. Raises StudioError `output.suspect`."""
        pipe = self._diffusers
        if {pipe.unet.dtype, pipe.vae.dtype} != {torch.float32}:
            context.notice("family.stable_diffusion.full_precision")
            pipe.unet.float()
            pipe.vae.float()
            image = self._draw(context, values, prompts, seed, index)
            if image is not None:
                return image
        raise StudioError("output.suspect", details=f"seed {seed}, picture {index + 1}")
