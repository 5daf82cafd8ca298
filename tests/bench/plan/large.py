"""Pictures and music at real or reduced sizes: what the tiny models of the tests are, grown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.bench import models as known
from tests.fakes.tiny_diffusion import write_flux, write_xl
from tests.fakes.tiny_music import write_music

CLIP: dict[str, Any] = {
    "vocab_size": 49_408, "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12,
    "num_attention_heads": 12, "max_position_embeddings": 77, "projection_dim": 768,
}  # fmt: skip
VAE: dict[str, Any] = {
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "layers_per_block": 2,
    "norm_num_groups": 32,
    "sample_size": 1024,
}


def xl(folder: Path) -> None:
    """Half as wide as Stable Diffusion XL and as deep."""
    import torch

    second = CLIP | {
        "hidden_size": 640, "intermediate_size": 2560, "num_hidden_layers": 32, "num_attention_heads": 10,
        "projection_dim": 640,
    }  # fmt: skip
    unet = {
        "sample_size": 128,
        "block_out_channels": (160, 320, 640),
        "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        "transformer_layers_per_block": (1, 2, 10),
        "attention_head_dim": (5, 10, 20),
        "cross_attention_dim": 768 + 640,
        "use_linear_projection": True,
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 256,
        "projection_class_embeddings_input_dim": 6 * 256 + 640,
    }
    with known.Weights(torch.bfloat16):
        write_xl(folder, unet=unet, text_encoder=CLIP, text_encoder_2=second, vae=VAE)


def flux(folder: Path) -> None:
    """Half as wide as Flux, about a quarter as deep, guided; with T5's large encoder, not its largest."""
    import torch

    t5 = {"d_model": 1024, "d_ff": 2816, "num_layers": 12, "num_heads": 16, "feed_forward_proj": "gated-gelu"}
    transformer = {
        "num_layers": 5,
        "num_single_layers": 10,
        "num_attention_heads": 12,
        "joint_attention_dim": 1024,
        "pooled_projection_dim": 768,
    }
    with known.Weights(torch.bfloat16):
        write_flux(folder, transformer=transformer, text_encoder=CLIP, text_encoder_2=t5, vae=VAE)


def music(folder: Path) -> None:
    """As wide and deep as MusicGen's small one, with the text encoder and the EnCodec that it has."""
    t5 = {"d_model": 768, "d_ff": 3072, "num_layers": 12, "num_heads": 12}
    decoder = {
        "vocab_size": 2048, "hidden_size": 1024, "ffn_dim": 4096, "num_hidden_layers": 24,
        "num_attention_heads": 16,
    }  # fmt: skip
    encodec = {
        "sampling_rate": 32_000, "target_bandwidths": [2.2], "upsampling_ratios": [8, 5, 4, 4],
        "num_filters": 64, "codebook_size": 2048, "use_causal_conv": False, "use_conv_shortcut": False,
    }  # fmt: skip
    write_music(folder, text_encoder=t5, decoder=decoder, audio_encoder=encodec)
