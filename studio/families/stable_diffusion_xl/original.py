"""Original checkpoints: where their parts stand, and what they do not say of themselves."""

from __future__ import annotations

from pathlib import Path

BASE = Path(__file__).with_name("base")
VELOCITY = Path(__file__).with_name("velocity")
"""The scheduler of those that carry a tensor of this name."""
MARK = "v_pred"
PREFIXES = {
    "text_encoder": "conditioner.embedders.0.transformer.",
    "text_encoder_2": "conditioner.embedders.1.model.",
    "unet": "model.diffusion_model.",
    "vae": "first_stage_model.",
}
