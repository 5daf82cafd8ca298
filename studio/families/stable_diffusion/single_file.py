"""From the one file that the first Stable Diffusion came in to a diffusers folder, and back."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file

from studio.families.stable_diffusion.sources import KINDS, V1, source

PREFIXES = {
    "unet": "model.diffusion_model.",
    "vae": "first_stage_model.",
    "text_encoder": "cond_stage_model.transformer.",
}
SHAPE = ("block_out_channels", "layers_per_block", "cross_attention_dim", "latent_channels", "hidden_size")
"""What the one file does not say: it must be what everybody takes it for."""

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
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}
MIDDLE = {"resnets.0": "middle_block.0", "attentions.0": "middle_block.1", "resnets.1": "middle_block.2"}


def unpack(file: Path, folder: Path, progress: Callable[[float], None]) -> None:
    """Write the model in *file* as a diffusers folder, in half precision. Raises ValueError."""
    found = source(file, file.name)
    index: dict[str, Any] = {"_class_name": "StableDiffusionPipeline", "requires_safety_checker": False}
    for name in ("safety_checker", "feature_extractor", "image_encoder"):
        index[name] = [None, None]
    for n, name in enumerate(KINDS, 1):
        part = found.part(name, torch.float16)
        part.save_pretrained(folder / name, safe_serialization=True)
        index[name] = ["transformers" if name == "text_encoder" else "diffusers", type(part).__name__]
        del part
        progress(n / len(KINDS))
    for name, kind in (("tokenizer", ["transformers", "CLIPTokenizer"]), ("scheduler", ["diffusers", ""])):
        shutil.copytree(found.configs / name, folder / name)
        index[name] = kind
    written = json.loads((folder / "scheduler" / "scheduler_config.json").read_text("utf-8"))
    index["scheduler"][1] = written["_class_name"]
    (folder / "model_index.json").write_text(json.dumps(index, indent=2, sort_keys=True), "utf-8")


def pack(folder: Path, file: Path, progress: Callable[[float], None]) -> None:
    """Write the diffusers folder as the one *file*, in half precision. Raises ValueError for other shapes."""
    tensors: dict[str, torch.Tensor] = {}
    renamers = {"unet": _unet, "vae": _vae, "text_encoder": _text}
    for n, (name, prefix) in enumerate(PREFIXES.items(), 1):
        config, usual = (
            json.loads((place / name / "config.json").read_text("utf-8")) for place in (folder, V1)
        )
        if any(config.get(key) != usual.get(key) for key in SHAPE):
            raise ValueError(f"{name}: not of the shape that one file stands for")
        for key, value in _weights(folder / name):
            new = renamers[name](key, config)
            if ".attn_1." in new and value.ndim == 2:
                value = value[:, :, None, None]  # they were convolutions then
            tensors[prefix + new] = value.half().contiguous()
        progress(n / len(PREFIXES))
    save_file(tensors, file, metadata={"format": "pt"})


def _weights(folder: Path) -> list[tuple[str, torch.Tensor]]:
    files = sorted(folder.glob("*.safetensors"))
    plain = [file for file in files if ".fp16" not in file.name]
    found: list[tuple[str, torch.Tensor]] = []
    for file in plain or files:
        with safe_open(file, "pt") as tensors:
            found += [(name, tensors.get_tensor(name)) for name in tensors.keys()]  # noqa: SIM118 - not a dict
    return found


def _unet(name: str, config: dict[str, Any]) -> str:
    per_level = config["layers_per_block"] + 1
    up_with_attention = [kind.startswith("CrossAttn") for kind in config["up_block_types"]]
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
        last = level * per_level + per_level - 1
        return f"output_blocks.{last}.{2 if up_with_attention[level] else 1}.conv.{up[2]}"
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


def _vae(name: str, config: dict[str, Any]) -> str:
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


def _text(name: str, _config: dict[str, Any]) -> str:
    return f"text_model.{name.removeprefix('text_model.')}"
