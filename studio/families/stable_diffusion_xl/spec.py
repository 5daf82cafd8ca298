"""Stable Diffusion XL, and whatever is built of the same parts: words to large pictures."""

from __future__ import annotations

from studio.domain.drawing import COUNT, NEGATIVE, PROMPT, SCHEDULER
from studio.domain.family import FamilySpec, Layout, Memory
from studio.domain.parameter import Integer, Number, Seed, Size

SPEC = FamilySpec(
    name="stable_diffusion_xl",
    tasks=("image",),
    parameters=(
        PROMPT,
        NEGATIVE,
        Size(name="size", default=(1024, 1024), multiple=8, minimum=64, maximum=2048),
        Integer(name="steps", default=30, minimum=1, maximum=150),
        Number(name="guidance", default=5.0, minimum=1.0, maximum=30.0, step=0.5),
        SCHEDULER,
        Seed(),
        COUNT,
    ),
    memory=Memory(base=650 * 2**20, per_weight_byte=2.3),
    phases={"load": 0.1, "encode": 0.02, "denoise": 0.8, "decode": 0.07, "save": 0.01},
    capabilities=frozenset({"preview", "offload", "slicing", "compile"}),
    layouts=(
        Layout(kind="diffusers", classes=("StableDiffusionXLPipeline",)),
        # An original checkpoint. With more channels a denoiser continues a picture.
        Layout(
            kind="safetensors",
            classes=(
                "model.diffusion_model.output_blocks.*",
                "first_stage_model.decoder.*",
                "conditioner.embedders.0.transformer.text_model.encoder.*",
                "conditioner.embedders.1.model.transformer.resblocks.*",
            ),
            shapes={
                "model.diffusion_model.input_blocks.0.0.weight": (None, 4, 3, 3),
                "model.diffusion_model.label_emb.0.0.weight": None,
            },
            absent=("edm_*", "control_model.*", "*.time_stack.*"),
        ),
    ),
    latent_rgb={
        # Fitted by StAlKeR7779 and published with InvokeAI.
        4: (
            (0.3816, 0.4930, 0.5320),
            (-0.3753, 0.1631, 0.1739),
            (0.1770, 0.3588, -0.2048),
            (-0.4350, -0.2644, -0.4289),
            (0.0, 0.0, 0.0),
        ),
    },
    libraries=("torch", "diffusers", "transformers"),
    # The autoencoder's values grow too large for float16.
    precisions={
        "cpu": ({"*": "float32"}, {"unet": "bfloat16", "*": "float32"}),
        "gpu": ({"*": "float32"}, {"vae": "float32", "*": "float16"}),
    },
    coarser={"cpu": ({"*": "bfloat16", "vae": "float32"},)},
    attention=("sdpa", "flash", "eager", "sliced"),
)
