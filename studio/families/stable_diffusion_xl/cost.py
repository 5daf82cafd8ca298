"""What a large picture costs, counted as the pipeline makes it."""

from __future__ import annotations

from typing import Any

from studio.domain.cost.autoencoder import scale
from studio.domain.cost.cost import Cost, ModelFacts, PartFacts
from studio.domain.cost.drawing import denoising, encoding, evaluations, painting, parts_of
from studio.domain.cost.original import split
from studio.domain.cost.text_encoder import clip
from studio.domain.cost.unet import unet
from studio.families.stable_diffusion_xl import original

PARTS = ("text_encoder", "text_encoder_2", "unet", "vae")
LONGEST = 77  # tokens, where the configuration does not say


def cost(facts: ModelFacts, values: dict[str, Any]) -> Cost:
    """Of a checked request. Raises ValueError or KeyError for parts that are built of something else.

    Without a negative prompt nothing is read for it, as most of these models want it.
    """
    facts = _whole(facts)
    text, second, denoiser, autoencoder = (facts.parts[name].config for name in PARTS)
    side = scale(autoencoder)
    width, height = (length // side for length in values["size"])
    guided = values["guidance"] > 1
    batch = 2 if guided and not denoiser.get("time_cond_proj_dim") else 1
    tokens = text.get("max_position_embeddings", LONGEST)
    read = clip(text, batch=1, tokens=tokens, all_layers=True)
    read_2 = clip(second, batch=1, tokens=tokens, projected=True, all_layers=True)
    prompts = 2 if guided and values["negative"] else 1
    step = unet(denoiser, batch=batch, height=height, width=width, tokens=tokens)
    latents = batch * width * height * denoiser.get("in_channels", 4)
    repeats = evaluations(values["scheduler"], values["steps"]) * values["count"]
    return Cost(
        parts=parts_of(facts, *PARTS),
        stages=(
            encoding("text_encoder", read, repeats=prompts),
            encoding("text_encoder_2", read_2, repeats=prompts),
            denoising("unet", step, latents=latents, repeats=repeats, batch=batch),
            painting(autoencoder, count=values["count"], height=height, width=width, side=side),
        ),
    )


def _whole(facts: ModelFacts) -> ModelFacts:
    if facts.layout == "safetensors":
        return ModelFacts(layout=facts.layout, parts=facts.parts["model"].once(_split))
    return facts


def _split(file: PartFacts) -> dict[str, PartFacts]:
    return split(file, original.PREFIXES, original.BASE)
