"""What a module can be given to compute, made from its configuration: to compare, trace and export it."""

from __future__ import annotations

from typing import Any

import torch

TOKENS = 16
SIDE = 64  # latent pixels at most


def inputs(module: Any, *, batch: int = 1, seed: int = 0) -> dict[str, Any] | None:
    """Arguments of its `forward` by name, the same ones each time; None for a kind that nobody foresaw."""
    config = module.config
    generator = torch.Generator("cpu").manual_seed(seed)
    dtype = next(p.dtype for p in module.parameters() if p.dtype.is_floating_point)

    def noise(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator).to(dtype)

    def words(vocabulary: int, length: int) -> torch.Tensor:
        return torch.randint(0, vocabulary, (batch, length), generator=generator)

    kind = type(module).__name__
    if kind == "UNet2DConditionModel":
        side = min(config.sample_size or SIDE, SIDE)
        given: dict[str, Any] = {
            "sample": noise(batch, config.in_channels, side, side),
            "timestep": torch.full((batch,), 500, dtype=torch.long),
            "encoder_hidden_states": noise(batch, TOKENS, config.cross_attention_dim),
        }
        if config.addition_embed_type == "text_time":
            pooled = config.projection_class_embeddings_input_dim - 6 * config.addition_time_embed_dim
            given["added_cond_kwargs"] = {"text_embeds": noise(batch, pooled), "time_ids": noise(batch, 6)}
        return given
    if kind == "FluxTransformer2DModel":
        ids = torch.zeros(16, 3)
        ids[:, 1], ids[:, 2] = torch.arange(16) // 4, torch.arange(16) % 4
        given = {
            "hidden_states": noise(batch, 16, config.in_channels),
            "encoder_hidden_states": noise(batch, TOKENS, config.joint_attention_dim),
            "pooled_projections": noise(batch, config.pooled_projection_dim),
            "timestep": torch.full((batch,), 0.5, dtype=dtype),
            "img_ids": ids.to(dtype),
            "txt_ids": torch.zeros(TOKENS, 3, dtype=dtype),
        }
        if config.guidance_embeds:
            given["guidance"] = torch.full((batch,), 3.5, dtype=torch.float32)
        return given
    if kind == "AutoencoderKL":
        side = 8 * 2 ** (len(config.block_out_channels) - 1)
        return {"sample": noise(batch, config.in_channels, side, side)}
    vocabulary = getattr(config, "vocab_size", None)
    if vocabulary and hasattr(module, "get_input_embeddings"):
        longest = getattr(config, "max_position_embeddings", TOKENS) or TOKENS
        return {"input_ids": words(vocabulary, min(TOKENS, longest))}
    return None


@torch.no_grad()
def output(module: Any, given: dict[str, Any]) -> torch.Tensor:
    """What it computes from *given*, flat, in float32."""
    found = module(**given)
    first = found[0] if isinstance(found, tuple) else next(iter(found.values()))
    return first.float().flatten()


def cosine(first: torch.Tensor, second: torch.Tensor) -> float:
    return float(torch.nn.functional.cosine_similarity(first.detach(), second.detach(), dim=0))
