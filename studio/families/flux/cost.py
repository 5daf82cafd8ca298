"""What a picture costs, counted as the pipeline makes it."""

from __future__ import annotations

from typing import Any

from studio.domain.cost.autoencoder import scale
from studio.domain.cost.cost import Cost, ModelFacts, PartFacts
from studio.domain.cost.drawing import denoising, encoding, painting, parts_of
from studio.domain.cost.original import split
from studio.domain.cost.text_encoder import clip, t5
from studio.families.flux import original
from studio.families.flux.walk import PATCH, transformer, words_read

PARTS = ("text_encoder", "text_encoder_2", "transformer", "vae")
LONGEST = 77  # tokens, where the configuration does not say


def cost(facts: ModelFacts, values: dict[str, Any]) -> Cost:
    """Of a checked request. Raises ValueError or KeyError for parts that are built of something else."""
    facts = _whole(facts)
    text, second, denoiser, autoencoder = (facts.parts[name].config for name in PARTS)
    side = scale(autoencoder)
    width, height = (length // side // PATCH * PATCH for length in values["size"])
    words = words_read(denoiser)
    step = transformer(denoiser, patches=width * height // PATCH**2, words=words)
    latents = width * height * autoencoder.get("latent_channels", 4)
    return Cost(
        parts=parts_of(facts, *PARTS),
        stages=(
            encoding("text_encoder_2", t5(second, batch=1, tokens=words)),
            encoding(
                "text_encoder", clip(text, batch=1, tokens=text.get("max_position_embeddings", LONGEST))
            ),
            denoising("transformer", step, latents=latents, repeats=values["steps"] * values["count"]),
            painting(autoencoder, count=values["count"], height=height, width=width, side=side),
        ),
    )


def _whole(facts: ModelFacts) -> ModelFacts:
    """What an original file has, and the rest of a folder."""
    if facts.layout != "safetensors":
        return facts
    parts = {**facts.parts, **facts.parts["model"].once(_split)}
    return ModelFacts(layout=facts.layout, parts=parts)


def _split(file: PartFacts) -> dict[str, PartFacts]:
    prefixes, guided = original.layout(tensor.name for tensor in file.tensors)
    parts = split(file, prefixes, original.CONFIGS)
    transformer = parts["transformer"]
    config = transformer.config | {"guidance_embeds": guided}
    return parts | {"transformer": PartFacts(config=config, tensors=transformer.tensors)}
