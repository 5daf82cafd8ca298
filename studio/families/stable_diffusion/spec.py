"""Stable Diffusion 1.x and 2.x, and whatever is built of the same parts: words to pictures."""

from __future__ import annotations

from studio.domain.family import FamilySpec, Layout, Memory
from studio.domain.parameter import Choice, Integer, Number, Seed, Size, Text

SPEC = FamilySpec(
    name="stable_diffusion",
    tasks=("image",),
    parameters=(
        Text(name="prompt", required=True, multiline=True, hidden=True),
        Text(name="negative", multiline=True),
        Size(name="size", default=(512, 512), multiple=8, minimum=64, maximum=2048),
        Integer(name="steps", default=25, minimum=1, maximum=150),
        Number(name="guidance", default=7.0, minimum=1.0, maximum=30.0, step=0.5),
        Choice(
            name="scheduler",
            default="dpmpp_2m_karras",
            choices=("dpmpp_2m_karras", "dpmpp_2m", "unipc", "euler", "euler_a", "ddim", "pndm", "lcm"),
            advanced=True,
        ),
        Seed(),
        Integer(name="count", default=1, minimum=1, maximum=16, presets=(1, 4, 8, 16)),
    ),
    memory=Memory(base=650 * 2**20, per_weight_byte=2.3),
    phases={"load": 0.1, "encode": 0.02, "denoise": 0.82, "decode": 0.05, "save": 0.01},
    capabilities=frozenset({"preview"}),
    layouts=(
        Layout(kind="diffusers", classes=("StableDiffusionPipeline",)),
        # An original checkpoint of 1.x; 2.x and XL have other text encoders, by other names.
        Layout(
            kind="safetensors",
            classes=("model.diffusion_model.*", "first_stage_model.*", "cond_stage_model.transformer.*"),
        ),
    ),
    latent_rgb={
        # The autoencoder that all of 1.x and 2.x share.
        4: (
            (0.298, 0.207, 0.208),
            (0.187, 0.286, 0.173),
            (-0.158, 0.189, 0.264),
            (-0.184, -0.271, -0.473),
            (0.0, 0.0, 0.0),
        ),
        # The bundled one of 64 px: least squares over 70 of its pictures, R2 0.8.
        8: (
            (-0.065, 0.151, 0.110),
            (-0.003, -0.487, -0.557),
            (0.162, -0.293, -0.048),
            (0.276, -0.313, -0.063),
            (0.125, 0.261, 0.321),
            (0.106, -0.017, 0.165),
            (0.352, -0.277, -0.106),
            (-0.011, -0.122, 0.192),
            (0.694, 0.346, 0.487),
        ),
    },
    libraries=("torch", "diffusers", "transformers"),
)
