"""A diffusers folder written as the one file that Stable Diffusion first came in."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
TOP = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}
MIDDLE = {"resnets.0": "middle_block.0", "attentions.0": "middle_block.1", "resnets.1": "middle_block.2"}


def write_original(folder: Path, file: Path) -> Path:
    """The weights of the pipeline in *folder*, half precision, as *file*."""
    from safetensors.torch import save_file

    tensors = {}
    for part, prefix, rename in (
        ("unet", "model.diffusion_model.", unet_name),
        ("vae", "first_stage_model.", vae_name),
        ("text_encoder", "cond_stage_model.transformer.", _text),
    ):
        config = json.loads((folder / part / "config.json").read_text())
        for name, value in _weights(folder / part).items():
            new = rename(name, config)
            if ".attn_1." in new and value.ndim == 2:
                value = value[:, :, None, None]  # they were convolutions then
            tensors[prefix + new] = value.half().contiguous()
    save_file(tensors, file)
    return file


def _weights(folder: Path) -> dict:
    from safetensors.torch import load_file

    return {
        name: value
        for file in sorted(folder.glob("*.safetensors"))
        for name, value in load_file(file).items()
    }


def _text(name: str, config: dict) -> str:
    return f"text_model.{name.removeprefix('text_model.')}"


def unet_name(name: str, config: Any) -> str:
    per_level = config["layers_per_block"] + 1
    if down := re.match(r"down_blocks\.(\d+)\.(resnets|attentions)\.(\d+)\.(.*)", name):
        place = int(down[1]) * per_level + int(down[3]) + 1
        return f"input_blocks.{place}.{_inner(down[2], down[4])}"
    if down := re.match(r"down_blocks\.(\d+)\.downsamplers\.0\.conv\.(.*)", name):
        return f"input_blocks.{(int(down[1]) + 1) * per_level}.0.op.{down[2]}"
    if up := re.match(r"up_blocks\.(\d+)\.(resnets|attentions)\.(\d+)\.(.*)", name):
        place = int(up[1]) * per_level + int(up[3])
        return f"output_blocks.{place}.{_inner(up[2], up[4])}"
    if up := re.match(r"up_blocks\.(\d+)\.upsamplers\.0\.conv\.(.*)", name):
        level = int(up[1])
        attends = config["up_block_types"][level].startswith("CrossAttn")
        last = level * per_level + per_level - 1
        return f"output_blocks.{last}.{2 if attends else 1}.conv.{up[2]}"
    if middle := re.match(r"mid_block\.((resnets|attentions)\.\d)\.(.*)", name):
        inner = _resnet(middle[3]) if middle[2] == "resnets" else middle[3]
        return f"{MIDDLE[middle[1]]}.{inner}"
    module, _, kind = name.rpartition(".")
    return f"{TOP[module]}.{kind}"


def _inner(kind: str, rest: str) -> str:
    return f"0.{_resnet(rest)}" if kind == "resnets" else f"1.{rest}"


def _resnet(rest: str) -> str:
    module, _, kind = rest.rpartition(".")
    return f"{RESNET[module]}.{kind}"


def vae_name(name: str, config: Any) -> str:
    levels = len(config["block_out_channels"])
    name = name.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
    if down := re.match(r"encoder\.down_blocks\.(\d+)\.(.*)", name):
        rest = down[2].replace("resnets", "block").replace("downsamplers.0", "downsample")
        return f"encoder.down.{down[1]}.{rest}"
    if up := re.match(r"decoder\.up_blocks\.(\d+)\.(.*)", name):
        rest = up[2].replace("resnets", "block").replace("upsamplers.0", "upsample")
        return f"decoder.up.{levels - 1 - int(up[1])}.{rest}"
    if middle := re.match(r"(encoder|decoder)\.mid_block\.resnets\.(\d)\.(.*)", name):
        return f"{middle[1]}.mid.block_{int(middle[2]) + 1}.{middle[3]}"
    if middle := re.match(r"(encoder|decoder)\.mid_block\.attentions\.0\.(.*)\.(weight|bias)", name):
        return f"{middle[1]}.mid.attn_1.{ATTENTION[middle[2]]}.{middle[3]}"
    return name


OPEN_CLIP = {
    "final_layer_norm": "ln_final",
    "embeddings.token_embedding": "token_embedding",
    "text_projection": "text_projection",
}
LAYER = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}


def open_clip(name: str, shape: tuple[int, ...]) -> list[tuple[str, tuple[int, ...]]]:
    """What becomes of a tensor of CLIP's text encoder in OpenCLIP's; of query, key and value one, by the query."""
    if name == "embeddings.position_embedding.weight":
        return [("positional_embedding", shape)]
    module, _, kind = name.rpartition(".")
    if module in OPEN_CLIP:
        return [(f"{OPEN_CLIP[module]}.{kind}", shape)]
    layer = re.fullmatch(r"encoder\.layers\.(\d+)\.(.*)", module)
    assert layer, name
    place = f"transformer.resblocks.{layer[1]}"
    if layer[2] == "self_attn.q_proj":
        return [(f"{place}.attn.in_proj_{kind}", (3 * shape[0], *shape[1:]))]
    if layer[2] in ("self_attn.k_proj", "self_attn.v_proj"):
        return []
    return [(f"{place}.{LAYER[layer[2]]}.{kind}", shape)]
