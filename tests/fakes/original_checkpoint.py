"""A diffusers folder written as the one file in which such models first came."""

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
FLUX = {
    "x_embedder": "img_in",
    "context_embedder": "txt_in",
    "time_text_embed.timestep_embedder.linear_1": "time_in.in_layer",
    "time_text_embed.timestep_embedder.linear_2": "time_in.out_layer",
    "time_text_embed.guidance_embedder.linear_1": "guidance_in.in_layer",
    "time_text_embed.guidance_embedder.linear_2": "guidance_in.out_layer",
    "time_text_embed.text_embedder.linear_1": "vector_in.in_layer",
    "time_text_embed.text_embedder.linear_2": "vector_in.out_layer",
    "proj_out": "final_layer.linear",
}
DOUBLE = {
    "norm1.linear": "img_mod.lin",
    "norm1_context.linear": "txt_mod.lin",
    "attn.norm_q": "img_attn.norm.query_norm.scale",
    "attn.norm_k": "img_attn.norm.key_norm.scale",
    "attn.norm_added_q": "txt_attn.norm.query_norm.scale",
    "attn.norm_added_k": "txt_attn.norm.key_norm.scale",
    "attn.to_out.0": "img_attn.proj",
    "attn.to_add_out": "txt_attn.proj",
    "ff.net.0.proj": "img_mlp.0",
    "ff.net.2": "img_mlp.2",
    "ff_context.net.0.proj": "txt_mlp.0",
    "ff_context.net.2": "txt_mlp.2",
}
SINGLE = {
    "norm.linear": "modulation.lin",
    "attn.norm_q": "norm.query_norm.scale",
    "attn.norm_k": "norm.key_norm.scale",
    "proj_out": "linear2",
}
MIDDLE = {"resnets.0": "middle_block.0", "attentions.0": "middle_block.1", "resnets.1": "middle_block.2"}


def write_original(folder: Path, file: Path) -> Path:
    """The weights of the 1.x pipeline in *folder*, half precision, as *file*."""
    tensors = (
        _unet(folder) | _vae(folder, "first_stage_model.") | _clip(folder, "cond_stage_model.transformer.")
    )
    return _save(tensors, file)


def write_original_2(folder: Path, file: Path) -> Path:
    """With the text encoder as 2.x has it: its last layer is there and not used."""
    text = _open_clip(folder / "text_encoder", "cond_stage_model.model.")
    last = max(int(name.split(".")[4]) for name in text if ".resblocks." in name)
    unused = {
        name.replace(f".resblocks.{last}.", f".resblocks.{last + 1}."): value * 0
        for name, value in text.items()
        if f".resblocks.{last}." in name
    }
    return _save(_unet(folder) | _vae(folder, "first_stage_model.") | text | unused, file)


def write_original_xl(folder: Path, file: Path) -> Path:
    """Of the XL kind."""
    text = _clip(folder, "conditioner.embedders.0.transformer.")
    second = _open_clip(folder / "text_encoder_2", "conditioner.embedders.1.model.")
    return _save(_unet(folder) | _vae(folder, "first_stage_model.") | text | second, file)


def write_original_flux(folder: Path, file: Path, *, whole: bool = True) -> Path:
    """Of the Flux kind: everything, or with *whole* false the transformer alone."""
    transformer = _flux(_weights(folder / "transformer"))
    if not whole:
        return _save(transformer, file)
    tensors = {f"model.diffusion_model.{name}": value for name, value in transformer.items()}
    tensors |= _vae(folder, "vae.") | _clip(folder, "text_encoders.clip_l.transformer.")
    words = _weights(folder / "text_encoder_2")
    tensors |= {
        f"text_encoders.t5xxl.transformer.{name}": value
        for name, value in words.items()
        if name != "encoder.embed_tokens.weight"
    }
    return _save(tensors, file)


def _save(tensors: dict, file: Path) -> Path:
    from safetensors.torch import save_file

    save_file({name: value.half().contiguous() for name, value in tensors.items()}, file)
    return file


def _config(folder: Path) -> Any:
    return json.loads((folder / "config.json").read_text())


def _unet(folder: Path) -> dict:
    config = _config(folder / "unet")
    return {
        f"model.diffusion_model.{unet_name(name, config)}": value
        for name, value in _weights(folder / "unet").items()
    }


def _vae(folder: Path, prefix: str) -> dict:
    config, tensors = _config(folder / "vae"), {}
    for name, value in _weights(folder / "vae").items():
        new = vae_name(name, config)
        if ".attn_1." in new and value.ndim == 2:
            value = value[:, :, None, None]  # they were convolutions then
        tensors[prefix + new] = value
    return tensors


def _clip(folder: Path, prefix: str) -> dict:
    text = _weights(folder / "text_encoder")
    return {f"{prefix}text_model.{name.removeprefix('text_model.')}": value for name, value in text.items()}


def _open_clip(folder: Path, prefix: str) -> dict:
    import torch

    tensors: dict = {}
    weights = {name.removeprefix("text_model."): value for name, value in _weights(folder).items()}
    for name, value in weights.items():
        for new, shape in open_clip(name, tuple(value.shape)):
            if ".in_proj_" in new:
                value = torch.cat([weights[name.replace("q_proj", f"{part}_proj")] for part in "qkv"])
                assert tuple(value.shape) == shape
            if new == "text_projection.weight":
                new, value = "text_projection", value.T
            tensors[prefix + new] = value
    return tensors


def _flux(weights: dict) -> dict:
    import torch

    def joined(name: str, *parts: str) -> Any:
        return torch.cat([weights[f"{part}.{name}"] for part in parts])

    tensors: dict = {}
    for name, value in weights.items():
        place, _, kind = name.rpartition(".")
        if double := re.fullmatch(r"transformer_blocks\.(\d+)\.(.*)", place):
            block = f"double_blocks.{double[1]}"
            if double[2] in DOUBLE:
                tensors[f"{block}.{DOUBLE[double[2]]}" + (f".{kind}" if "norm_" not in double[2] else "")] = (
                    value
                )
            elif double[2] in ("attn.to_q", "attn.add_q_proj"):
                base = place.removesuffix(double[2])
                names = [double[2].replace("_q", f"_{part}") for part in "qkv"]
                side = "img" if double[2] == "attn.to_q" else "txt"
                tensors[f"{block}.{side}_attn.qkv.{kind}"] = joined(kind, *(base + n for n in names))
        elif single := re.fullmatch(r"single_transformer_blocks\.(\d+)\.(.*)", place):
            block, base = f"single_blocks.{single[1]}", place.removesuffix(single[2])
            if single[2] in SINGLE:
                tensors[f"{block}.{SINGLE[single[2]]}" + (f".{kind}" if "norm_" not in single[2] else "")] = (
                    value
                )
            elif single[2] == "attn.to_q":
                parts = ("attn.to_q", "attn.to_k", "attn.to_v", "proj_mlp")
                tensors[f"{block}.linear1.{kind}"] = joined(kind, *(base + part for part in parts))
        elif place == "norm_out.linear":
            scale, shift = value.chunk(2)
            tensors[f"final_layer.adaLN_modulation.1.{kind}"] = torch.cat([shift, scale])
        else:
            tensors[f"{FLUX[place]}.{kind}"] = value
    return tensors


def _weights(folder: Path) -> dict:
    from safetensors.torch import load_file

    return {
        name: value
        for file in sorted(folder.glob("*.safetensors"))
        for name, value in load_file(file).items()
    }


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
    """What becomes of a tensor of CLIP's text encoder in OpenCLIP's; query, key and value are one."""
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
