"""The transformer's weights from the names of its makers to diffusers', at any width.

Diffusers' own conversion counts on the one width that was published.
"""

from __future__ import annotations

import re

import torch

Weights = dict[str, torch.Tensor]

_NAMES = {
    "img_in": "x_embedder",
    "txt_in": "context_embedder",
    "time_in.in_layer": "time_text_embed.timestep_embedder.linear_1",
    "time_in.out_layer": "time_text_embed.timestep_embedder.linear_2",
    "guidance_in.in_layer": "time_text_embed.guidance_embedder.linear_1",
    "guidance_in.out_layer": "time_text_embed.guidance_embedder.linear_2",
    "vector_in.in_layer": "time_text_embed.text_embedder.linear_1",
    "vector_in.out_layer": "time_text_embed.text_embedder.linear_2",
    "final_layer.linear": "proj_out",
}
_DOUBLE = {
    "img_mod.lin": "norm1.linear",
    "txt_mod.lin": "norm1_context.linear",
    "img_attn.norm.query_norm": "attn.norm_q",
    "img_attn.norm.key_norm": "attn.norm_k",
    "txt_attn.norm.query_norm": "attn.norm_added_q",
    "txt_attn.norm.key_norm": "attn.norm_added_k",
    "img_attn.proj": "attn.to_out.0",
    "txt_attn.proj": "attn.to_add_out",
    "img_mlp.0": "ff.net.0.proj",
    "img_mlp.2": "ff.net.2",
    "txt_mlp.0": "ff_context.net.0.proj",
    "txt_mlp.2": "ff_context.net.2",
}
_SINGLE = {
    "modulation.lin": "norm.linear",
    "norm.query_norm": "attn.norm_q",
    "norm.key_norm": "attn.norm_k",
    "linear2": "proj_out",
}
_QKV = {
    "img_attn.qkv": ("attn.to_q", "attn.to_k", "attn.to_v"),
    "txt_attn.qkv": ("attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj"),
}
_BLOCK = re.compile(r"(double|single)_blocks\.(\d+)\.(.+)")


def converted(weights: Weights) -> Weights:
    """Raises KeyError for a name that no such transformer has."""
    found: Weights = {}
    width = weights["img_in.weight"].shape[0]
    for name, value in weights.items():
        layer, _, kind = name.rpartition(".")
        kind = "weight" if kind == "scale" else kind
        block = _BLOCK.fullmatch(layer)
        if layer == "final_layer.adaLN_modulation.1":
            shift, scale = value.chunk(2)
            found[f"norm_out.linear.{kind}"] = torch.cat([scale, shift])
        elif block is None:
            found[f"{_NAMES[layer]}.{kind}"] = value
        elif block[1] == "double":
            place, inner = f"transformer_blocks.{block[2]}", block[3]
            pieces = (
                zip(_QKV[inner], value.chunk(3), strict=True) if inner in _QKV else [(_DOUBLE[inner], value)]
            )
            found |= {f"{place}.{new}.{kind}": piece for new, piece in pieces}
        else:
            place, inner = f"single_transformer_blocks.{block[2]}", block[3]
            if inner == "linear1":
                parts = value.split([width, width, width, value.shape[0] - 3 * width])
                pieces = zip((*_QKV["img_attn.qkv"], "proj_mlp"), parts, strict=True)
            else:
                pieces = [(_SINGLE[inner], value)]
            found |= {f"{place}.{new}.{kind}": piece for new, piece in pieces}
    return found
