"""From a prompt to pictures, one after another: what is the same whatever denoises."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from PIL import Image

from studio.diffusion import computing, schedulers
from studio.domain.failure import StudioError
from studio.domain.parameter import MAX_SEED

if TYPE_CHECKING:
    from studio.domain.model import ModelSource
    from studio.domain.request import Request
    from studio.engine.context import Context

TILED = 768 * 768  # pixels; above, decoding in one piece takes more memory than everything else
FLAT = 3 / 255  # the darkest picture that anybody means still varies more


class Drawing:
    """One loaded model. The same request gives the same pictures, byte for byte, on the same machine.

    A family says how its model is loaded and how it reads the prompt. `_diffusers` is a pipeline of
    diffusers' whose denoiser is its part `DENOISER`.
    """

    DENOISER: str

    def __init__(self, context: Context, model: ModelSource | None) -> None:
        assert model is not None
        self._rest = Path(model.rest) if model.rest else None  # a folder with the parts that the file lacks
        self._diffusers = self.load(context, Path(model.path), model.title)
        self._diffusers.set_progress_bar_config(disable=True)
        self._prepare(context)

    def _prepare(self, context: Context) -> None:
        """As planned: what is loaded computes so, and lies there."""
        plan, denoiser, vae = context.plan, getattr(self._diffusers, self.DENOISER), self._diffusers.vae
        computing.attend(denoiser, plan.attention)
        if plan.attention != "flash":
            computing.attend(vae, plan.attention)
        if plan.channels_last:
            vae.to(memory_format=torch.channels_last)
        self._slicing = computing.Slicing(denoiser) if "slicing" in context.spec.capabilities else None
        if plan.compile and (reason := computing.no_compiler(context.device)):
            context.notice("drawing.no_compiler", reason=reason)
        elif plan.compile:
            computing.compile_blocks(denoiser)
        computing.offload(self._diffusers, plan.offload, context.device)

    def load(self, context: Context, path: Path, title: str) -> Any:
        """The model at *path*. Raises StudioError `model.missing_file`, `model.unrecognized`."""
        raise NotImplementedError

    def encode(self, context: Context, values: dict[str, Any]) -> dict[str, Any]:
        """What the pipeline's call is given of the prompt."""
        raise NotImplementedError

    def settings(self, values: dict[str, Any]) -> dict[str, Any]:
        """What else it is given."""
        raise NotImplementedError

    def scheduler(self, values: dict[str, Any]) -> Any:
        """A fresh one."""
        raise NotImplementedError

    def latents(self, latents: torch.Tensor, _size: tuple[int, int]) -> torch.Tensor:
        """As the autoencoder has them, (batch, channels, height, width), from what is denoised."""
        return latents

    def close(self) -> None:
        del self._diffusers

    @torch.no_grad()
    def run(self, context: Context, request: Request) -> None:
        """Each picture has the seed after the one before, and is saved as soon as it is done."""
        values, count = request.values, request.values["count"]
        if self._slicing is not None:
            self._slicing.on = context.plan.slicing
        context.phase("encode")
        prompts = self.encode(context, values)
        for index in range(count):
            seed = (values["seed"] + index) % (MAX_SEED + 1)
            image = self._draw(context, values, prompts, seed, index)
            if image is None:
                image = self._draw_again(context, values, prompts, seed, index)
            context.phase("save")
            context.save_image(image, index=index, seed=seed)
            context.progress((index + 1) / count)
        self._tell(context)

    def _tell(self, context: Context) -> None:
        components = self._diffusers.components.items()
        context.loaded(
            {name: part for name, part in components if isinstance(part, torch.nn.Module)},
            main=self.DENOISER,
            tiling=bool(self._diffusers.vae.use_tiling),
            slicing=self._slicing is not None and self._slicing.on,
        )

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
        pipe, count, size = self._diffusers, values["count"], values["size"]
        pipe.scheduler = self.scheduler(values)
        guess = schedulers.Guess(pipe.scheduler)

        def after_step(pipe: Any, step: int, _time: Any, tensors: dict[str, Any]) -> dict[str, Any]:
            steps = pipe.num_timesteps  # some methods take one more than asked
            shown = self.latents(guess.of(tensors["latents"]), size)
            context.step(index * steps + step + 1, count * steps, shown, index=index)
            return {}

        with context.guard(getattr(pipe, self.DENOISER)):
            latents = pipe(
                width=size[0],
                height=size[1],
                num_inference_steps=values["steps"],
                # On the CPU, so that a seed means the same on every device.
                generator=torch.Generator("cpu").manual_seed(seed),
                callback_on_step_end=after_step,
                output_type="latent",
                **self.settings(values),
                **prompts,
            ).images
        return self.latents(latents, size)

    def _decode(self, context: Context, latents: torch.Tensor) -> Image.Image | None:
        """The picture of *latents*, None if it is not one: not numbers, or one flat colour."""
        pipe, vae = self._diffusers, self._diffusers.vae
        large = latents.shape[-1] * latents.shape[-2] * pipe.vae_scale_factor**2 > TILED
        vae.use_tiling = large if context.plan.tiling is None else context.plan.tiling
        with context.guard(vae.decoder):
            decoded = vae.decode(_unscaled(latents, vae.config).to(vae.dtype), return_dict=False)[0]
        values = pipe.image_processor.postprocess(decoded, output_type="np")[0]
        if not np.isfinite(values).all() or values.max() - values.min() < FLAT:
            return None
        return pipe.image_processor.numpy_to_pil(values)[0]

    def _draw_again(
        self, context: Context, values: dict[str, Any], prompts: dict[str, Any], seed: int, index: int
    ) -> Image.Image:
        """Once more in full precision, in which the model stays. Raises StudioError `output.suspect`."""
        denoiser, vae = getattr(self._diffusers, self.DENOISER), self._diffusers.vae
        moving = context.plan.offload in ("group", "sequential")  # their copies elsewhere keep their type
        if {denoiser.dtype, vae.dtype} != {torch.float32} and not moving:
            context.notice("drawing.full_precision")
            denoiser.float()
            vae.float()
            image = self._draw(context, values, prompts, seed, index)
            if image is not None:
                return image
        raise StudioError("output.suspect", details=f"seed {seed}, picture {index + 1}")


def _unscaled(latents: torch.Tensor, config: Any) -> torch.Tensor:
    """As the autoencoder made them, from the scale in which they are denoised."""
    mean, deviation = config.get("latents_mean"), config.get("latents_std")
    if mean is not None and deviation is not None:
        shape = (1, -1, 1, 1)
        latents = latents * latents.new_tensor(deviation).view(shape) / config.scaling_factor
        return latents + latents.new_tensor(mean).view(shape)
    latents = latents / config.scaling_factor
    return latents + config.shift_factor if config.shift_factor else latents


def tokens(context: Context, tokenizer: Any, text: str, longest: int, *, tell: bool = True) -> torch.Tensor:
    """*text* as a text encoder reads it, (1, *longest*); the user is told of what it leaves out.

    Not by a pipeline's own `encode_prompt`, which writes what is left out into the log.
    """
    used = len(tokenizer(text, verbose=False).input_ids)
    if tell and used > longest:
        ends = tokenizer.num_special_tokens_to_add()
        context.notice("drawing.prompt_long", used=used - ends, limit=longest - ends)
    read = tokenizer(text, padding="max_length", max_length=longest, truncation=True, return_tensors="pt")
    return read.input_ids.to(context.device)


def longest(tokenizer: Any, encoder: Any) -> int:
    """Tokens that *encoder* reads at once, with the ends."""
    return min(tokenizer.model_max_length, encoder.config.max_position_embeddings)
