"""Stable Diffusion 1.x and 2.x, and whatever is built of the same parts: words to pictures."""

from __future__ import annotations

from studio.domain.drawing import COUNT, NEGATIVE, PROMPT, SCHEDULER
from studio.domain.family import FamilySpec, Layout, Memory
from studio.domain.parameter import Integer, Number, Seed, Size

SPEC = FamilySpec(
    name="stable_diffusion",
    tasks=("image",),
    parameters=(
        PROMPT,
        NEGATIVE,
        Size(name="size", default=(512, 512), multiple=8, minimum=64, maximum=2048),
        Integer(name="steps", default=25, minimum=1, maximum=150),
        Number(name="guidance", default=7.0, minimum=1.0, maximum=30.0, step=0.5),
        SCHEDULER,
        Seed(),
        COUNT,
    ),
    memory=Memory(base=650 * 2**20, per_weight_byte=2.3),
    phases={"load": 0.1, "encode": 0.02, "denoise": 0.82, "decode": 0.05, "save": 0.01},
    capabilities=frozenset({"preview", "offload", "slicing", "compile"}),
    layouts=(
        Layout(kind="diffusers", classes=("StableDiffusionPipeline",)),
        *(
            # An original checkpoint: the text encoder of 1.x, or that of 2.x. With more channels a denoiser
            # continues a picture, with labels it is another model.
            Layout(
                kind="safetensors",
                classes=("model.diffusion_model.output_blocks.*", "first_stage_model.decoder.*", encoder),
                shapes={"model.diffusion_model.input_blocks.0.0.weight": (None, 4, 3, 3)},
                absent=("model.diffusion_model.label_emb.*", "control_model.*", "*.time_stack.*"),
            )
            for encoder in (
                "cond_stage_model.transformer.*encoder.layers.*",
                "cond_stage_model.model.transformer.resblocks.*",
            )
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
        # The bundled one of 64 px: fitted to 70 of its pictures, the vivid parts counting most.
        8: (
            (-0.056, 0.137, 0.097),
            (-0.015, -0.549, -0.623),
            (-0.089, -0.621, -0.044),
            (0.151, -0.540, 0.044),
            (0.140, 0.197, 0.330),
            (-0.077, -0.307, 0.156),
            (0.223, -0.575, -0.104),
            (-0.223, -0.384, 0.312),
            (0.733, 0.152, 0.560),
        ),
    },
    libraries=("torch", "diffusers", "transformers"),
    # The text encoder, and on the CPU the autoencoder, take little of the time, and rounding there is seen.
    precisions={
        "cpu": ({"*": "float32"}, {"unet": "bfloat16", "*": "float32"}),
        "gpu": (
            {"*": "float32"},
            {"text_encoder": "float32", "*": "float16"},
            {"text_encoder": "float32", "*": "bfloat16"},
        ),
    },
    coarser={
        "cpu": ({"unet": "bfloat16", "text_encoder": "bfloat16", "*": "float32"},),
        "gpu": ({"*": "float16"}, {"*": "bfloat16"}),
    },
    attention=("sdpa", "flash", "eager", "sliced"),
)
