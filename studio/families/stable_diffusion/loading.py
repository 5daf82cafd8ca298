"""Loads a diffusers folder part by part: safetensors, from this machine, never code."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import diffusers
import torch
import transformers
from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

from studio.domain.failure import StudioError
from studio.families.stable_diffusion import precision

if TYPE_CHECKING:
    from studio.engine.context import Context

diffusers.utils.logging.disable_progress_bar()  # nobody reads the engine's terminal
transformers.utils.logging.disable_progress_bar()


def load(context: Context, folder: Path, title: str) -> StableDiffusionPipeline:
    """The pipeline in *folder*, on the context's device.

    The denoiser has the precision that suits the machine; the text encoder is always float32, and on
    the CPU so is the autoencoder: they take little of the time, and rounding there is seen. The
    picture checker that some folders carry is left out.

    Raises StudioError `model.missing_file`, and `model.unrecognized` for parts that do not fit together.
    """
    weights = {name: _weights(folder / name, title) for name in ("text_encoder", "unet", "vae")}
    total, done = sum(size for _, size in weights.values()), 0
    dtype = precision.choose(context.device, context.precision, weights["unet"][1])
    decoder = torch.float32 if context.device == "cpu" else dtype
    parts: dict[str, Any] = {}
    try:
        parts["tokenizer"] = CLIPTokenizer.from_pretrained(str(folder / "tokenizer"), local_files_only=True)
        for name, kind, precise in (
            ("text_encoder", CLIPTextModel, torch.float32),
            ("unet", UNet2DConditionModel, dtype),
            ("vae", AutoencoderKL, decoder),
        ):
            variant, size = weights[name]
            part = kind.from_pretrained(
                str(folder / name),
                local_files_only=True,
                use_safetensors=True,
                variant=variant,
                dtype=precise,
            )
            parts[name] = part.eval().to(context.device)
            done += size
            context.progress(done / total)
    except (ValueError, KeyError, RuntimeError) as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        raise StudioError("model.unrecognized", name=title, details=str(error)) from error
    _check(parts, title)
    if context.device != "cpu" or dtype != torch.float32:
        parts["unet"].to(memory_format=torch.channels_last)  # for small ones on the CPU it takes longer
    if dtype != torch.float32:
        keep_outside(parts["unet"])
    return _assemble(parts, folder)


def _weights(folder: Path, title: str) -> tuple[str | None, int]:
    """Which variant of the weights is there, and their size in bytes."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise StudioError("model.missing_file", name=title, file=f"{folder.name}/*.safetensors")
    plain = [file for file in files if ".fp16" not in file.name]
    chosen = plain or files
    return None if plain else "fp16", sum(file.stat().st_size for file in chosen)


def _check(parts: dict[str, Any], title: str) -> None:
    unet, vae, text = parts["unet"].config, parts["vae"].config, parts["text_encoder"].config
    if unet.in_channels != vae.latent_channels:  # made to continue a picture: it wants one
        details = f"the denoiser takes {unet.in_channels} channels, the autoencoder has {vae.latent_channels}"
    elif unet.cross_attention_dim != text.hidden_size:
        details = f"the denoiser reads {unet.cross_attention_dim} values, the text has {text.hidden_size}"
    else:
        return
    raise StudioError("model.unrecognized", name=title, details=details)


def keep_outside(unet: UNet2DConditionModel) -> None:
    """Let *unet* take and give float32, whatever it computes in: the latents keep their precision."""

    def before(module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        dtype = module.conv_in.weight.dtype  # `module.dtype` looks through all modules, every time
        kwargs["encoder_hidden_states"] = kwargs["encoder_hidden_states"].to(dtype)
        return (args[0].to(dtype), *args[1:]), kwargs  # not the time step: bfloat16 has no 999

    def after(_module: Any, _args: Any, output: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
        return (output[0].float(),)

    unet.register_forward_pre_hook(before, with_kwargs=True)
    unet.register_forward_hook(after)


def _assemble(parts: dict[str, Any], folder: Path) -> StableDiffusionPipeline:
    from studio.families.stable_diffusion import schedulers

    scheduler = schedulers.build("ddim", folder / "scheduler", steps=1)
    pipeline = StableDiffusionPipeline(
        **parts,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
