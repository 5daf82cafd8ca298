"""Models whose makers' modules are installed here: built without memory, only for names and shapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from diffusers import AutoencoderKL, FluxTransformer2DModel, UNet2DConditionModel
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    MusicgenConfig,
    MusicgenForConditionalGeneration,
    Qwen3Config,
    Qwen3ForCausalLM,
    T5Config,
    T5EncoderModel,
    VitsConfig,
    VitsModel,
)

from studio.domain.cost.cost import ModelFacts, PartFacts, Tensor

SIZES = {"F32": 4, "F16": 2, "BF16": 2}

XL: dict[str, Any] = {
    "sample_size": 128,
    "block_out_channels": [320, 640, 1280],
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
    "cross_attention_dim": 2048,
    "attention_head_dim": [5, 10, 20],
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256,
    "projection_class_embeddings_input_dim": 2816,
    "transformer_layers_per_block": [1, 2, 10],
}
AUTOENCODER: dict[str, Any] = {
    "block_out_channels": [128, 256, 512, 512],
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "layers_per_block": 2,
    "latent_channels": 4,
    "sample_size": 512,
}
LARGE_CLIP: dict[str, Any] = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12}
LARGE_CLIP |= {"num_attention_heads": 12, "vocab_size": 49408, "max_position_embeddings": 77}
BIG_CLIP: dict[str, Any] = {"hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32}
BIG_CLIP |= {"num_attention_heads": 20, "projection_dim": 1280, "hidden_act": "gelu", "vocab_size": 49408}
HUGE_CLIP: dict[str, Any] = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 23}
HUGE_CLIP |= {"num_attention_heads": 16, "projection_dim": 512, "hidden_act": "gelu", "vocab_size": 49408}
T5_XXL: dict[str, Any] = {"d_model": 4096, "d_kv": 64, "d_ff": 10240, "num_layers": 24, "num_heads": 64}
T5_XXL |= {"feed_forward_proj": "gated-gelu", "vocab_size": 32128, "tie_word_embeddings": False}


def part(make: Callable[[], torch.nn.Module], kind: str, config: dict[str, Any]) -> PartFacts:
    """What a file of *kind* with the module's weights says. Nothing takes memory."""
    with torch.device("meta"):
        module = make()
    tensors = tuple(
        Tensor(name, kind, tuple(each.shape), each.numel() * SIZES[kind])
        for name, each in module.named_parameters()
    )
    return PartFacts(config=config, tensors=tensors)


def summed(known: PartFacts) -> PartFacts:
    """All weights as one tensor: where a family counts from the configuration, names say nothing."""
    (kind,) = {tensor.type for tensor in known.tensors}
    return PartFacts(config=known.config, tensors=(Tensor("weights", kind, (known.elements,), known.bytes),))


def clip(config: dict[str, Any], kind: str = "F16", *, projected: bool = False) -> PartFacts:
    module = CLIPTextModelWithProjection if projected else CLIPTextModel
    return part(lambda: module(CLIPTextConfig(**config)), kind, config)


def t5(config: dict[str, Any], kind: str) -> PartFacts:
    return part(lambda: T5EncoderModel(T5Config(**config)), kind, config)


def autoencoder(kind: str = "F16", **changes: Any) -> PartFacts:
    config = AUTOENCODER | changes
    return part(lambda: AutoencoderKL(**config), kind, config)


def unet(config: dict[str, Any], kind: str = "F16") -> PartFacts:
    return part(lambda: UNet2DConditionModel(**config), kind, config)


def _scheduler(name: str) -> PartFacts:
    return PartFacts(config={"_class_name": name}, tensors=())


def stable_diffusion(text: dict[str, Any], **changes: Any) -> ModelFacts:
    config = {
        "cross_attention_dim": text["hidden_size"],
        "attention_head_dim": 8,
        "block_out_channels": [320, 640, 1280, 1280],
        "sample_size": 64,
    }
    parts = {
        "text_encoder": summed(clip(text)),
        "unet": summed(unet(config | changes)),
        "vae": summed(autoencoder()),
        "scheduler": _scheduler("PNDMScheduler"),
    }
    return ModelFacts(layout="diffusers", parts=parts)


def stable_diffusion_xl(**changes: Any) -> ModelFacts:
    parts = {
        "text_encoder": summed(clip(LARGE_CLIP)),
        "text_encoder_2": summed(clip(BIG_CLIP, projected=True)),
        "unet": summed(unet(XL | changes)),
        "vae": summed(autoencoder(sample_size=1024)),
        "scheduler": _scheduler("EulerDiscreteScheduler"),
    }
    return ModelFacts(layout="diffusers", parts=parts)


def flux(*, guidance: bool) -> ModelFacts:
    config = {
        "patch_size": 1, "in_channels": 64, "num_layers": 19, "num_single_layers": 38,
        "attention_head_dim": 128, "num_attention_heads": 24, "joint_attention_dim": 4096,
        "pooled_projection_dim": 768, "guidance_embeds": guidance, "axes_dims_rope": [16, 56, 56],
    }  # fmt: skip
    parts = {
        "text_encoder": summed(clip(LARGE_CLIP, "BF16")),
        "text_encoder_2": summed(t5(T5_XXL, "BF16")),
        "transformer": summed(part(lambda: FluxTransformer2DModel(**config), "BF16", config)),
        "vae": summed(
            autoencoder("BF16", latent_channels=16, use_quant_conv=False, use_post_quant_conv=False)
        ),
        "scheduler": _scheduler("FlowMatchEulerDiscreteScheduler"),
    }
    return ModelFacts(layout="diffusers", parts=parts)


def musicgen(*, width: int, layers: int, heads: int, channels: int = 1) -> ModelFacts:
    text = {"d_model": 768, "d_kv": 64, "d_ff": 3072, "num_layers": 12, "num_heads": 12, "vocab_size": 32128}
    sound = {
        "sampling_rate": 32_000, "audio_channels": 1, "num_filters": 64, "upsampling_ratios": [8, 5, 4, 4],
        "codebook_size": 2048, "codebook_dim": 128, "target_bandwidths": [2.2], "norm_type": "weight_norm",
        "use_causal_conv": False, "use_conv_shortcut": False, "normalize": False,
    }  # fmt: skip
    decoder = {
        "hidden_size": width, "num_hidden_layers": layers, "num_attention_heads": heads,
        "ffn_dim": 4 * width, "num_codebooks": 4 * channels, "audio_channels": channels, "vocab_size": 2048,
    }  # fmt: skip
    config = {"text_encoder": text, "audio_encoder": sound, "decoder": decoder}
    whole = MusicgenConfig(
        text_encoder={"model_type": "t5", **text},
        audio_encoder={"model_type": "encodec", **sound},
        decoder={"model_type": "musicgen_decoder", **decoder},
    )
    return ModelFacts(
        layout="transformers",
        parts={"model": part(lambda: MusicgenForConditionalGeneration(whole), "F32", config)},
    )


def vits(**changes: Any) -> ModelFacts:
    config = {"sampling_rate": 16_000, **changes}
    return ModelFacts(
        layout="transformers", parts={"model": part(lambda: VitsModel(VitsConfig(**config)), "F32", config)}
    )


def qwen3(**config: Any) -> ModelFacts:
    """With its output matrix written out, though it is the embedding."""
    untied = config | {"tie_word_embeddings": False}
    found = part(lambda: Qwen3ForCausalLM(Qwen3Config(**untied)), "BF16", config)
    return ModelFacts(layout="transformers", parts={"model": found})
