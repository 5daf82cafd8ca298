"""Puts a model together part by part, on its device and in the precision that suits it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import diffusers
import torch
import transformers
from diffusers import StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTokenizer

from studio.domain.failure import StudioError
from studio.families.stable_diffusion import precision, schedulers
from studio.families.stable_diffusion.sources import Source, source

if TYPE_CHECKING:
    from studio.engine.context import Context

diffusers.utils.logging.disable_progress_bar()  # nobody reads the engine's terminal
transformers.utils.logging.disable_progress_bar()


def load(context: Context, path: Path, title: str) -> tuple[StableDiffusionPipeline, Path]:
    """The pipeline at *path*, on the context's device, and the folder of its scheduler's configuration.

    The denoiser has the precision that suits the machine; the text encoder is always float32, and on
    the CPU so is the autoencoder: they take little of the time, and rounding there is seen. The
    picture checker that some folders carry is left out.

    Raises StudioError `model.missing_file`, and `model.unrecognized` for parts that do not fit together.
    """
    model = source(path, title)
    plan = context.plan
    dtype = precision.choose(context.device, plan.precision_of("unet"), model.sizes["unet"])
    precisions = {"unet": dtype, "vae": torch.float32 if context.device == "cpu" else dtype}
    if plan.precision:
        precisions = {part: getattr(torch, plan.precision_of(part)) for part in model.sizes}
    try:
        parts = _load_parts(context, model, precisions)
    except torch.OutOfMemoryError:
        raise
    except (ValueError, KeyError, RuntimeError) as error:
        raise StudioError("model.unrecognized", name=title, details=str(error)) from error
    _check(parts, title)
    usual = context.device != "cpu" or dtype != torch.float32
    if usual if plan.channels_last is None else plan.channels_last:
        parts["unet"].to(memory_format=torch.channels_last)  # for small ones on the CPU it takes longer
    if dtype != torch.float32:
        keep_outside(parts["unet"])
    pipeline = StableDiffusionPipeline(
        **parts,
        scheduler=schedulers.build("ddim", model.configs / "scheduler", steps=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline, model.configs / "scheduler"


def _load_parts(context: Context, model: Source, precisions: dict[str, torch.dtype]) -> dict[str, Any]:
    tokenizer = CLIPTokenizer.from_pretrained(str(model.configs / "tokenizer"), local_files_only=True)
    parts: dict[str, Any] = {"tokenizer": tokenizer}
    done, total = 0, sum(model.sizes.values())
    for name, size in model.sizes.items():
        part = model.part(name, precisions.get(name, torch.float32))
        parts[name] = part.eval().to(context.device)
        done += size
        context.progress(done / total)
    return parts


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
