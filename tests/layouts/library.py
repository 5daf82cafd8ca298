"""Models of diffusers and transformers without weights, and their names in the first checkpoints."""

from __future__ import annotations

from typing import Any

from tests.fakes.original_checkpoint import open_clip, unet_name, vae_name
from tests.layouts.rows import Shapes, rows

XL: dict[str, Any] = {
    "block_out_channels": (320, 640, 1280),
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "transformer_layers_per_block": (1, 2, 10),
    "cross_attention_dim": 2048,
    "attention_head_dim": (5, 10, 20),
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
}
REFINER = XL | {
    "block_out_channels": (384, 768, 1536, 1536),
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "transformer_layers_per_block": 4,
    "cross_attention_dim": 1280,
    "attention_head_dim": (6, 12, 24, 24),
    "projection_class_embeddings_input_dim": 2560,
}
SD1: dict[str, Any] = {"cross_attention_dim": 768}
SD2 = {"cross_attention_dim": 1024, "use_linear_projection": True, "attention_head_dim": (5, 10, 20, 20)}
VAE: dict[str, Any] = {
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "layers_per_block": 2,
}
VAE_16 = VAE | {"latent_channels": 16, "use_quant_conv": False, "use_post_quant_conv": False}
CLIP_L = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12}
CLIP_H = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 23, "num_attention_heads": 16}
CLIP_G = {
    "hidden_size": 1280,
    "intermediate_size": 5120,
    "num_hidden_layers": 32,
    "num_attention_heads": 20,
    "projection_dim": 1280,
}


def model(kind: str, **options: Any) -> Any:
    """A model of diffusers without weights."""
    import diffusers
    from accelerate import init_empty_weights

    with init_empty_weights():
        return getattr(diffusers, kind)(**options)


def shapes(module: Any, prefix: str = "") -> Shapes:
    return {prefix + name: tuple(value.shape) for name, value in module.state_dict().items()}


def clip(kind: str, options: dict[str, Any], prefix: str = "") -> Shapes:
    import transformers
    from accelerate import init_empty_weights

    with init_empty_weights():
        module = getattr(transformers, kind)(transformers.CLIPTextConfig(vocab_size=49408, **options))
    found = shapes(module)
    return {prefix + (n if n.startswith("text_") else f"text_model.{n}"): shape for n, shape in found.items()}


def unet(options: dict[str, Any], prefix: str = "model.diffusion_model.") -> Shapes:
    module = model("UNet2DConditionModel", **options)
    return {prefix + unet_name(name, module.config): shape for name, shape in shapes(module).items()}


def vae(options: dict[str, Any], prefix: str = "first_stage_model.") -> Shapes:
    module = model("AutoencoderKL", **options)
    found: Shapes = {}
    for name, shape in shapes(module).items():
        new = vae_name(name, module.config)
        found[prefix + new] = (*shape, 1, 1) if ".attn_1." in new and len(shape) == 2 else shape
    return found


def open_clip_of(options: dict[str, Any], prefix: str, *, layers: int) -> Shapes:
    """The text encoder as OpenCLIP names it, with all its *layers*."""
    width = options["hidden_size"]
    found = {
        new: shape
        for name, shape in clip("CLIPTextModel", {**options, "num_hidden_layers": layers}).items()
        for new, shape in open_clip(name.removeprefix("text_model."), shape)
    }
    found |= rows(f"text_projection= {width} {width}\nlogit_scale=")
    return {prefix + name: shape for name, shape in found.items()}


def t5(width: int = 4096, *, words: int = 32128, every: bool = False, prefix: str = "") -> Shapes:
    layer = "encoder.block.{0-23}.layer"
    biased = "encoder.block.{0-23}" if every else "encoder.block.0"
    return rows(
        f"""
        shared! {words} {width}
        {layer}.0.SelfAttention.q! 4096 {width}
        {layer}.0.SelfAttention.k! 4096 {width}
        {layer}.0.SelfAttention.v! 4096 {width}
        {layer}.0.SelfAttention.o! {width} 4096
        {biased}.layer.0.SelfAttention.relative_attention_bias! 32 64
        {layer}.0.layer_norm! {width}
        {layer}.1.DenseReluDense.wi_0! 10240 {width}
        {layer}.1.DenseReluDense.wi_1! 10240 {width}
        {layer}.1.DenseReluDense.wo! {width} 10240
        {layer}.1.layer_norm! {width}
        encoder.final_layer_norm! {width}
        """,
        prefix,
    )


def controlnet(options: dict[str, Any]) -> Shapes:
    """As the makers of ControlNet name it, by the names that a UNet's encoder has."""
    module = model("ControlNetModel", **options)
    found: Shapes = {}
    for name, shape in shapes(module).items():
        found["control_model." + _control_name(name, module.config)] = shape
    return found


def _control_name(name: str, config: Any) -> str:
    piece, _, rest = name.partition(".")
    if piece == "controlnet_cond_embedding":
        module, _, kind = rest.rpartition(".")
        if module.startswith("blocks."):
            return f"input_hint_block.{2 * (int(module.split('.')[1]) + 1)}.{kind}"
        return f"input_hint_block.{0 if module == 'conv_in' else 14}.{kind}"
    if piece == "controlnet_down_blocks":
        number, _, kind = rest.partition(".")
        return f"zero_convs.{number}.0.{kind}"
    if piece == "controlnet_mid_block":
        return f"middle_block_out.0.{rest}"
    return unet_name(name, config)
