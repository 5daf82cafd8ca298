"""What a picture costs, counted as the pipeline makes it."""

from __future__ import annotations

from typing import Any

from studio.domain.cost.autoencoder import scale
from studio.domain.cost.cost import Cost, ModelFacts, PartFacts
from studio.domain.cost.drawing import denoising, encoding, evaluations, painting, parts_of
from studio.domain.cost.original import split
from studio.domain.cost.text_encoder import clip
from studio.domain.cost.unet import unet
from studio.families.stable_diffusion.original import layout

PARTS = ("text_encoder", "unet", "vae")
LONGEST = 77  # tokens, where the configuration does not say


def cost(facts: ModelFacts, values: dict[str, Any]) -> Cost:
    """Of a checked request. Raises ValueError or KeyError for parts that are built of something else."""
    parts = _parts(facts)
    text, denoiser, autoencoder = (parts[name].config for name in PARTS)
    side = scale(autoencoder)
    width, height = (length // side for length in values["size"])
    guided = values["guidance"] > 1
    batch = 2 if guided and not denoiser.get("time_cond_proj_dim") else 1
    tokens = text.get("max_position_embeddings", LONGEST)
    read = clip(text, batch=1, tokens=tokens)
    step = unet(denoiser, batch=batch, height=height, width=width, tokens=tokens)
    latents = batch * width * height * denoiser.get("in_channels", 4)
    repeats = evaluations(values["scheduler"], values["steps"]) * values["count"]
    return Cost(
        parts=parts_of(ModelFacts(layout=facts.layout, parts=parts), *PARTS),
        stages=(
            encoding("text_encoder", read, repeats=2 if guided else 1),
            denoising("unet", step, latents=latents, repeats=repeats, batch=batch),
            painting(autoencoder, count=values["count"], height=height, width=width, side=side),
        ),
    )


def _parts(facts: ModelFacts) -> dict[str, PartFacts]:
    if facts.layout == "safetensors":
        return facts.parts["model"].once(_split)
    return {name: facts.parts[name] for name in PARTS}


def _split(file: PartFacts) -> dict[str, PartFacts]:
    return split(file, *layout(tensor.name for tensor in file.tensors))
