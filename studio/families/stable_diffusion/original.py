"""Original checkpoints of 1.x and 2.x: where their parts stand, and what they do not say of themselves."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

V1 = Path(__file__).with_name("v1")
V2 = Path(__file__).with_name("v2")
OPEN_CLIP = "cond_stage_model.model."
"""Where 2.x has its text encoder; 1.x has another one."""


def layout(names: Iterable[str]) -> tuple[dict[str, str], Path]:
    """The prefixes of the parts of a file with tensors of these *names*, and the folder of configurations."""
    second = any(name.startswith(OPEN_CLIP) for name in names)
    prefixes = {
        "text_encoder": OPEN_CLIP if second else "cond_stage_model.transformer.",
        "unet": "model.diffusion_model.",
        "vae": "first_stage_model.",
    }
    return prefixes, V2 if second else V1
