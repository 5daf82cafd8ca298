"""What a picture costs, counted as the pipeline makes it."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from studio.domain.cost.autoencoder import decode, decode_tiled, scale
from studio.domain.cost.cost import Cost, ModelFacts, Part, PartFacts, Stage
from studio.domain.cost.ops import Ops, Tally
from studio.domain.cost.text_encoder import clip
from studio.domain.cost.unet import unet

PARTS = ("text_encoder", "unet", "vae")
V1 = Path(__file__).with_name("v1")
PREFIXES = {
    "text_encoder": "cond_stage_model.transformer.",
    "unet": "model.diffusion_model.",
    "vae": "first_stage_model.",
}
TILED = 768 * 768  # pixels; as in the pipeline, which does not decode more than that in one piece
STEP_CALLS = 40  # operations of a scheduler, of guidance and of a preview, all on the small latents
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
    whole = decode(autoencoder, batch=1, height=height, width=width)
    tiled = decode_tiled(autoencoder, batch=1, height=height, width=width)
    painted = tiled if width * height * side**2 > TILED else whole
    latents = batch * width * height * denoiser.get("in_channels", 4)
    return Cost(
        parts=tuple(
            Part(name=name, elements=part.elements, stored_bytes=part.bytes) for name, part in parts.items()
        ),
        stages=(
            Stage(
                phase="encode",
                part="text_encoder",
                ops=read.ops,
                repeats=2 if guided else 1,
                alive=read.alive,
                calls=read.calls,
            ),
            Stage(
                phase="denoise",
                part="unet",
                ops=_with_scheduler(step.ops, latents),
                repeats=evaluations(values["scheduler"], values["steps"]) * values["count"],
                alive=step.alive,
                calls=step.calls + STEP_CALLS,
            ),
            Stage(
                phase="decode",
                part="vae",
                ops=painted.ops,
                repeats=values["count"],
                alive=painted.alive,
                alive_tiled=tiled.alive,
                calls=painted.calls,
            ),
        ),
    )


def evaluations(scheduler: str, steps: int) -> int:
    """How often a method asks the denoiser: PNDM repeats its second step, all others ask once a step."""
    return steps + 1 if scheduler == "pndm" and steps > 1 else steps


def _with_scheduler(ops: Ops, latents: int) -> Ops:
    tally = Tally()
    tally.merge(ops)
    tally.pointwise(latents, STEP_CALLS)
    return tally.ops


def _parts(facts: ModelFacts) -> dict[str, PartFacts]:
    if facts.layout != "safetensors":
        return {name: facts.parts[name] for name in PARTS}
    tensors = [tensor for part in facts.parts.values() for tensor in part.tensors]
    return {
        name: PartFacts(
            config=_configuration(name),
            tensors=tuple(
                tensor
                for tensor in tensors
                if tensor.name.startswith(prefix) and not tensor.name.endswith("position_ids")
            ),
        )
        for name, prefix in PREFIXES.items()
    }


@cache
def _configuration(name: str) -> dict[str, Any]:
    """What an original checkpoint does not say of itself."""
    return json.loads((V1 / name / "config.json").read_bytes())
