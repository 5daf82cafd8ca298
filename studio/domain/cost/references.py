"""Small networks that the micro-benchmark measures whole, in the words of diffusers' and transformers'.

What their measured step takes beyond the sum of its operations is what a framework adds. Of a large and a
small network of one kind the planner learns how much that is for each operation and for each call.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from msgspec import Struct

from studio.domain.cost import language
from studio.domain.cost.autoencoder import decode
from studio.domain.cost.cost import PartFacts, Tensor
from studio.domain.cost.ops import Walk
from studio.domain.cost.unet import unet


class Net(Struct, frozen=True, kw_only=True):
    """`kind`: the class to build from `config`. `values`: the sizes of one step."""

    kind: str
    config: dict[str, Any]
    values: dict[str, int]


_LANGUAGE = {
    "vocab_size": 8192,
    "hidden_size": 1024,
    "intermediate_size": 2816,
    "num_hidden_layers": 6,
    "num_attention_heads": 16,
    "num_key_value_heads": 4,
    "max_position_embeddings": 2048,
}

_SMALL_LANGUAGE = _LANGUAGE | {
    "vocab_size": 512,
    "hidden_size": 256,
    "intermediate_size": 512,
    "num_hidden_layers": 8,
    "num_attention_heads": 4,
}

REFERENCES = {
    # A denoiser a third as wide as Stable Diffusion's, with guidance, at 256 px.
    "denoiser": Net(
        kind="UNet2DConditionModel",
        config={
            "sample_size": 32,
            "in_channels": 4,
            "out_channels": 4,
            "block_out_channels": [128, 256, 512],
            "layers_per_block": 2,
            "down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
            "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
            "cross_attention_dim": 512,
            "attention_head_dim": 8,
        },
        values={"batch": 2, "height": 32, "width": 32, "tokens": 77},
    ),
    # The second half of an autoencoder: few channels, many pixels.
    "autoencoder": Net(
        kind="AutoencoderKL",
        config={
            "in_channels": 3,
            "out_channels": 3,
            "latent_channels": 4,
            "block_out_channels": [64, 128, 256],
            "layers_per_block": 2,
            "down_block_types": ["DownEncoderBlock2D"] * 3,
            "up_block_types": ["UpDecoderBlock2D"] * 3,
            "norm_num_groups": 32,
        },
        values={"batch": 1, "height": 32, "width": 32},
    ),
    # A language model that reads 128 tokens, and one that writes them one by one.
    "reader": Net(
        kind="LlamaForCausalLM",
        config=_LANGUAGE,
        values={"tokens": 128},
    ),
    "writer": Net(
        kind="LlamaForCausalLM",
        config=_LANGUAGE,
        values={"tokens": 1, "context": 128},
    ),
    # As many layers, but with so little to compute that starting them is most of it.
    "small_denoiser": Net(
        kind="UNet2DConditionModel",
        config={
            "sample_size": 8,
            "in_channels": 4,
            "out_channels": 4,
            "block_out_channels": [96, 192],
            "layers_per_block": 2,
            "down_block_types": ["CrossAttnDownBlock2D"] * 2,
            "up_block_types": ["CrossAttnUpBlock2D"] * 2,
            "cross_attention_dim": 192,
            "attention_head_dim": 4,
        },
        values={"batch": 2, "height": 8, "width": 8, "tokens": 32},
    ),
    "small_writer": Net(
        kind="LlamaForCausalLM",
        config=_SMALL_LANGUAGE,
        values={"tokens": 1, "context": 64},
    ),
}

SMALL = {
    "denoiser": "small_denoiser",
    "autoencoder": "small_denoiser",
    "writer": "small_writer",
    "reader": "small_writer",
}
"""For each network the small one whose calls cost what its own do; the first with each is alike in all."""


@cache
def walk(name: str) -> Walk:
    """One step of the reference *name*, counted."""
    net = REFERENCES[name]
    values = net.values
    match net.kind:
        case "UNet2DConditionModel":
            return unet(net.config, **values)
        case "AutoencoderKL":
            return decode(net.config, **values)
        case _:
            facts = PartFacts(config=net.config, tensors=_llama(net.config))
            if "context" in values:
                return language.write(facts, values["context"])
            return language.read(facts, values["tokens"])


def _llama(config: dict[str, Any]) -> tuple[Tensor, ...]:
    """The weights that a Llama of this configuration has."""
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    kept = hidden // config["num_attention_heads"] * config["num_key_value_heads"]
    shapes = {
        "self_attn.q_proj": (hidden, hidden),
        "self_attn.k_proj": (kept, hidden),
        "self_attn.v_proj": (kept, hidden),
        "self_attn.o_proj": (hidden, hidden),
        "mlp.gate_proj": (inner, hidden),
        "mlp.up_proj": (inner, hidden),
        "mlp.down_proj": (hidden, inner),
    }
    named = {
        f"model.layers.{layer}.{name}.weight": shape
        for layer in range(config["num_hidden_layers"])
        for name, shape in shapes.items()
    }
    named |= dict.fromkeys(("model.embed_tokens.weight", "lm_head.weight"), (config["vocab_size"], hidden))
    return tuple(Tensor(name, "F32", shape, 4 * shape[0] * shape[1]) for name, shape in named.items())
