"""What a picture costs whatever denoises it: the steps around the denoiser, the way back to pixels."""

from __future__ import annotations

from typing import Any

from studio.domain.cost.autoencoder import decode, decode_tiled
from studio.domain.cost.cost import ModelFacts, Part, Stage
from studio.domain.cost.ops import Tally, Walk

TILED = 768 * 768  # pixels; as in the pipelines, which do not decode more than that in one piece
STEP_CALLS = 40  # operations of a scheduler, of guidance and of a preview, all on the small latents


def parts_of(facts: ModelFacts, *names: str) -> tuple[Part, ...]:
    """Raises KeyError for one that is not there."""
    return tuple(Part.of(name, facts.parts[name]) for name in names)


def encoding(part: str, read: Walk, *, repeats: int = 1) -> Stage:
    """A text encoder reads the prompt, *repeats* times with others."""
    return Stage(
        phase="encode",
        part=part,
        ops=read.ops,
        repeats=repeats,
        alive=read.alive,
        written=read.written,
        calls=read.calls,
    )


def denoising(part: str, step: Walk, *, latents: int, repeats: int, batch: int = 1) -> Stage:
    """*repeats* steps of all pictures. *latents*: what a scheduler works on. *batch*: 2 if it is guided."""
    tally = Tally()
    tally.merge(step.ops)
    tally.pointwise(latents, STEP_CALLS)
    return Stage(
        phase="denoise",
        part=part,
        ops=tally.ops,
        repeats=repeats,
        alive=step.alive,
        written=step.written,
        batch=batch,
        calls=step.calls + STEP_CALLS,
        compiles=True,
    )


def painting(autoencoder: dict[str, Any], *, count: int, height: int, width: int, side: int) -> Stage:
    """Latents of *height* x *width*, each *side* pixels a side, become *count* pictures, one by one."""
    whole = decode(autoencoder, batch=1, height=height, width=width)
    tiled = decode_tiled(autoencoder, batch=1, height=height, width=width)
    painted = tiled if width * height * side**2 > TILED else whole
    return Stage(
        phase="decode",
        part="vae",
        ops=painted.ops,
        repeats=count,
        alive=painted.alive,
        alive_tiled=tiled.alive,
        written=painted.written,
        written_tiled=tiled.written,
        calls=painted.calls,
    )


def evaluations(scheduler: str, steps: int) -> int:
    """How often a method asks the denoiser: PNDM repeats its second step, all others ask once a step."""
    return steps + 1 if scheduler == "pndm" and steps > 1 else steps
