"""Flux: words to pictures with a transformer that learnt to go straight from noise to picture."""

from __future__ import annotations

from studio.domain.drawing import COUNT, PROMPT
from studio.domain.family import FamilySpec, Layout, Memory, Variant
from studio.domain.parameter import Integer, Number, Seed, Size

# The names of its transformer in an original checkpoint, and of what others have that are built alike.
TRANSFORMER = (
    "double_blocks.*.img_mod.lin.bias",
    "single_blocks.*.linear1.weight",
    "vector_in.in_layer.weight",
)
OTHERS = ("distilled_guidance_layer.*", "controlnet_*", "double_stream_modulation_img.*", "vision_in.*")

SPEC = FamilySpec(
    name="flux",
    tasks=("image",),
    parameters=(
        PROMPT,
        Size(name="size", default=(1024, 1024), multiple=16, minimum=64, maximum=2048),
        Integer(name="steps", default=28, minimum=1, maximum=150),
        Number(name="guidance", default=3.5, minimum=1.0, maximum=30.0, step=0.5),
        Seed(),
        COUNT,
    ),
    memory=Memory(base=650 * 2**20, per_weight_byte=1.3),
    phases={"load": 0.2, "encode": 0.05, "denoise": 0.7, "decode": 0.04, "save": 0.01},
    capabilities=frozenset({"preview", "offload", "compile"}),
    layouts=(
        Layout(kind="diffusers", classes=("FluxPipeline",)),
        # Everything as one file, or the transformer alone. No such file has the words of the second encoder.
        Layout(
            kind="safetensors",
            classes=(
                *(f"model.diffusion_model.{name}" for name in TRANSFORMER),
                "vae.decoder.*",
                "text_encoders.clip_l.transformer.*",
                "text_encoders.t5xxl.transformer.*",
            ),
            shapes={"model.diffusion_model.img_in.weight": (None, 64)},
            absent=tuple(f"model.diffusion_model.{name}" for name in OTHERS),
            needs=("tokenizer_2",),
        ),
        *(
            Layout(
                kind="safetensors",
                classes=tuple(f"{prefix}{name}" for name in TRANSFORMER),
                shapes={f"{prefix}img_in.weight": (None, 64)},
                absent=(*(f"{prefix}{name}" for name in OTHERS), "vae.*", "text_encoders.*"),
                needs=("text_encoder", "text_encoder_2", "tokenizer_2", "vae"),
            )
            for prefix in ("", "model.diffusion_model.")
        ),
    ),
    variants=(
        # Trained to need few steps, and no guidance.
        Variant(
            file="transformer/config.json",
            key="guidance_embeds",
            value=False,
            absent="*guidance_in.in_layer.weight",
            parameters={"steps": {"default": 4}, "guidance": None},
        ),
    ),
    latent_rgb={
        # Published with InvokeAI.
        16: (
            (-0.0243, 0.0101, 0.0400),
            (0.0491, 0.0718, 0.0799),
            (0.0451, -0.0168, -0.0259),
            (-0.0106, -0.0033, 0.0196),
            (0.0167, 0.0159, -0.0096),
            (-0.0073, 0.0163, 0.0034),
            (0.0369, 0.0804, 0.0819),
            (-0.0170, -0.0390, -0.0654),
            (-0.0218, 0.0041, 0.0432),
            (0.0941, 0.0516, -0.0211),
            (0.0119, 0.0180, 0.0234),
            (0.0503, 0.0268, 0.0144),
            (0.0497, 0.0415, 0.0575),
            (-0.0746, -0.0326, -0.0501),
            (-0.0367, -0.0411, -0.0280),
            (-0.0598, -0.0383, -0.0303),
            (0.0, 0.0, 0.0),
        ),
    },
    libraries=("torch", "diffusers", "transformers"),
    # In float16 the second text encoder's values grow too large.
    precisions={
        "cpu": ({"*": "float32"}, {"*": "bfloat16", "vae": "float32"}),
        "gpu": ({"*": "float32"}, {"*": "bfloat16"}),
    },
    attention=("sdpa", "flash", "eager"),
)
