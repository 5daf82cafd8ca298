"""Where the parts of a model come from: a diffusers folder, or the one file of an original checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors import safe_open
from transformers import CLIPTextModel

from studio.diffusion.loading import Folder, Source
from studio.diffusion.original import OriginalFile
from studio.families.stable_diffusion import original

KINDS: dict[str, Any] = {"text_encoder": CLIPTextModel, "unet": UNet2DConditionModel, "vae": AutoencoderKL}
"""The parts that have weights, in the order in which they are loaded."""

# Files of 2.x do not say whether they predict noise or velocity. This norm of the last block of those that
# predict velocity varies more: the measure by which other programs tell them apart, too.
TELLING = "model.diffusion_model.output_blocks.11.1.transformer_blocks.0.norm1.bias"
VARIES = 0.09


def source(path: Path, title: str) -> Source:
    """Raises StudioError `model.missing_file`."""
    if not path.is_file():
        return Folder(path, title, KINDS)
    with safe_open(path, "pt") as tensors:
        names = set(tensors.keys())
        prefixes, configs = original.layout(names)
        varies = TELLING in names and float(tensors.get_tensor(TELLING).float().std()) > VARIES
    pads = {"tokenizer": "!" if configs == original.V2 else "<|endoftext|>"}
    file = OriginalFile(path, prefixes, KINDS, configs, pads=pads)
    if configs == original.V2 and not varies:
        file.scheduler = original.V1 / "scheduler"
    return file
