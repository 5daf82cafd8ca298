"""The one file of an original checkpoint as a source of parts: how most people's models come."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
import transformers
from accelerate import init_empty_weights
from safetensors import safe_open

from studio.diffusion.loading import LOCAL

CLIP = Path(__file__).with_name("clip")
"""CLIP's vocabulary, which no checkpoint carries."""

Weights = dict[str, torch.Tensor]

_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2}
_OPEN_CLIP = (
    ("transformer.resblocks.", "encoder.layers."),
    (".ln_1.", ".layer_norm1."),
    (".ln_2.", ".layer_norm2."),
    (".mlp.c_fc.", ".mlp.fc1."),
    (".mlp.c_proj.", ".mlp.fc2."),
    (".attn.", ".self_attn."),
    ("ln_final.", "final_layer_norm."),
)
_OPEN_CLIP_WHOLE = {
    "token_embedding.weight": "embeddings.token_embedding.weight",
    "positional_embedding": "embeddings.position_embedding.weight",
}


class OriginalFile:
    """One safetensors file. See `Source`.

    *prefixes*: where the parts of *kinds* (their classes) stand in it, in the order in which they are loaded;
    parts that it lacks are left out. *configs* holds what such a file does not say of itself: each part's
    `config.json`, and `scheduler/`. *pads*: what fills up a prompt, by tokenizer. *options* change the
    configuration of a part; *conversions* of a part's names take the place of diffusers' own.
    """

    def __init__(
        self,
        file: Path,
        prefixes: dict[str, str],
        kinds: dict[str, Any],
        configs: Path,
        *,
        pads: dict[str, str],
        options: dict[str, dict[str, Any]] | None = None,
        conversions: dict[str, Callable[[Weights], Weights]] | None = None,
    ) -> None:
        self.scheduler = configs / "scheduler"
        self.sizes: dict[str, int] = {}
        self._file, self._kinds, self._configs, self._pads = file, kinds, configs, pads
        self._prefixes, self._options, self._conversions = prefixes, options or {}, conversions or {}
        self._names: dict[str, list[str]] = {}
        with safe_open(file, "pt") as tensors:
            for name, prefix in prefixes.items():
                keys = [key for key in tensors.keys() if key.startswith(prefix)]  # noqa: SIM118 - not a dict
                if keys:
                    self._names[name] = keys
                    self.sizes[name] = sum(_size(tensors.get_slice(key)) for key in keys)

    def tokenizer(self, name: str, kind: Any) -> Any:
        """See `Source`."""
        return kind.from_pretrained(str(CLIP), pad_token=self._pads[name], **LOCAL)

    def part(self, name: str, dtype: torch.dtype) -> torch.nn.Module:
        """See `Source`."""
        with safe_open(self._file, "pt") as tensors:
            weights = {key: tensors.get_tensor(key).to(dtype) for key in self._names[name]}
        kind, prefix, options = self._kinds[name], self._prefixes[name], self._options.get(name, {})
        plain = {key.removeprefix(prefix): value for key, value in weights.items()}
        if kind.__module__.startswith("transformers."):
            return self._text_encoder(name, plain)
        if name not in self._conversions:
            return kind.from_single_file(
                weights, config=str(self._configs), subfolder=name, **LOCAL, **options
            )
        with init_empty_weights():
            model = kind.from_config(kind.load_config(str(self._configs / name), **LOCAL) | options)
        model.load_state_dict(self._conversions[name](plain), assign=True)
        return model

    def _text_encoder(self, name: str, weights: Weights) -> torch.nn.Module:
        kind = self._kinds[name]
        config = kind.config_class.from_pretrained(str(self._configs / name), **LOCAL)
        with init_empty_weights():
            model = kind(config)
        if "positional_embedding" in weights:
            weights = _from_open_clip(weights, config.num_hidden_layers)
        inner = "text_model." if any(key.startswith("text_model.") for key in model.state_dict()) else ""
        named = {
            _inside(key, inner): value
            for key, value in weights.items()
            if not key.endswith(("position_ids", "logit_scale")) and key != "text_projection.weight"
        }
        if "text_projection.weight" in model.state_dict():
            named["text_projection.weight"] = weights["text_projection.weight"]
        if issubclass(kind, transformers.T5EncoderModel):
            named["encoder.embed_tokens.weight"] = named["shared.weight"]
        model.load_state_dict(named, assign=True)
        return model


def _inside(key: str, inner: str) -> str:
    """CLIP's layers, with or without a name around them all; T5's as they are."""
    plain = key.removeprefix("text_model.")
    return (
        inner + plain if plain.startswith(("encoder.layers.", "embeddings.", "final_layer_norm.")) else plain
    )


def _from_open_clip(weights: Weights, layers: int) -> Weights:
    """OpenCLIP's names, with query, key and value in one, for the first *layers* of its layers."""
    found: Weights = {}
    for key, value in weights.items():
        if key == "text_projection":
            found["text_projection.weight"] = value.T.contiguous()
            continue
        name = _OPEN_CLIP_WHOLE.get(key, key)
        for theirs, ours in _OPEN_CLIP:
            name = name.replace(theirs, ours)
        if name.startswith("encoder.layers.") and int(name.split(".")[2]) >= layers:
            continue
        if ".in_proj_" in name:
            for part, piece in zip("qkv", value.chunk(3), strict=True):
                found[name.replace("in_proj_", f"{part}_proj.")] = piece.contiguous()
        else:
            found[name] = value
    return found


def _size(entry: Any) -> int:
    return math.prod(entry.get_shape()) * _BYTES.get(entry.get_dtype(), 1)


class Together:
    """*file*, and from *rest* the parts that it lacks. See `Source`."""

    def __init__(self, file: OriginalFile, rest: Any) -> None:
        self._file, self._rest = file, rest
        self.scheduler = file.scheduler

    @cached_property
    def sizes(self) -> dict[str, int]:
        """In the order in which a folder's parts are loaded."""
        return self._rest.sizes | self._file.sizes

    def tokenizer(self, name: str, kind: Any) -> Any:
        return self._rest.tokenizer(name, kind)

    def part(self, name: str, dtype: torch.dtype) -> torch.nn.Module:
        return (self._file if name in self._file.sizes else self._rest).part(name, dtype)
