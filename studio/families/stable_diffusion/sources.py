"""Where the parts of a model come from: a diffusers folder, or the one file of an original checkpoint."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
from accelerate import init_empty_weights
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors import safe_open
from transformers import CLIPTextConfig, CLIPTextModel

from studio.diffusion.loading import Folder, Source

KINDS: dict[str, Any] = {"text_encoder": CLIPTextModel, "unet": UNet2DConditionModel, "vae": AutoencoderKL}
"""The parts that have weights, in the order in which they are loaded."""

V1 = Path(__file__).with_name("v1")
"""What an original checkpoint does not say of itself: the configurations and the vocabulary of 1.x."""

PREFIXES = {
    "text_encoder": "cond_stage_model.transformer.",
    "unet": "model.diffusion_model.",
    "vae": "first_stage_model.",
}
_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}


def source(path: Path, title: str) -> Source:
    """Raises StudioError `model.missing_file`."""
    return OriginalFile(path) if path.is_file() else Folder(path, title, KINDS)


class OriginalFile:
    """One safetensors file with the names of the first Stable Diffusion: how most people's models come."""

    def __init__(self, file: Path) -> None:
        self.configs = V1
        self._file = file
        with safe_open(file, "pt") as tensors:
            self._names: dict[str, list[str]] = {name: [] for name in PREFIXES}
            self.sizes = dict.fromkeys(PREFIXES, 0)
            for key in tensors.keys():  # noqa: SIM118 - not a dict
                for name, prefix in PREFIXES.items():
                    if key.startswith(prefix):
                        entry = tensors.get_slice(key)
                        self._names[name].append(key)
                        self.sizes[name] += math.prod(entry.get_shape()) * _BYTES.get(entry.get_dtype(), 1)

    def part(self, name: str, dtype: torch.dtype) -> torch.nn.Module:
        """See `Source`."""
        with safe_open(self._file, "pt") as tensors:
            weights = {key: tensors.get_tensor(key).to(dtype) for key in self._names[name]}
        if name == "text_encoder":
            return _text_encoder(weights)
        return KINDS[name].from_single_file(
            weights, config=str(self.configs), subfolder=name, local_files_only=True
        )


def _text_encoder(weights: dict[str, torch.Tensor]) -> CLIPTextModel:
    config = CLIPTextConfig.from_pretrained(str(V1 / "text_encoder"), local_files_only=True)
    with init_empty_weights():
        model = CLIPTextModel(config)
    named = {
        key.removeprefix(PREFIXES["text_encoder"]).removeprefix("text_model."): value
        for key, value in weights.items()
        if not key.endswith("position_ids")  # a row of numbers that older versions wrote out
    }
    model.load_state_dict(named, assign=True)
    return model
