"""Weights that lie on the disk in fewer bits than they were made with, by torchao; loaded as they lie.

Not by the libraries' own quantizers, which must find torchao when they are imported, long before that.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from accelerate import init_empty_weights
from safetensors import safe_open

from studio.domain import late

METHOD = "torchao"
_TYPES = {"BF16": torch.bfloat16, "F16": torch.float16, "F32": torch.float32}


def quantized(folder: Path) -> bool:
    """Whether the part in *folder* says that torchao quantized it."""
    config = folder / "config.json"
    if not config.is_file():
        return False
    found = json.loads(config.read_text("utf-8")).get("quantization_config") or {}
    return found.get("quant_method") == METHOD


def quantized_type(folder: Path) -> torch.dtype:
    """In what such a part computes: that of the weights that stayed numbers of their own."""
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, "pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118 - not a dict
                kind = _TYPES.get(tensors.get_slice(name).get_dtype())
                if kind is not None and "._weight_" not in name:
                    return kind
    return torch.bfloat16


def load(folder: Path, make: Callable[[], Any]) -> Any:
    """What *make* returns, without its memory, with the quantized weights in *folder*. Raises ValueError."""
    try:
        late.show(METHOD)
    except ImportError as error:
        raise ValueError("its weights need the package torchao") from error
    from torchao.prototype.safetensors.safetensors_support import unflatten_tensor_state_dict

    tensors: dict[str, torch.Tensor] = {}
    metadata: dict[str, str] = {}
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, "pt") as opened:
            metadata |= opened.metadata() or {}
            tensors |= {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    state, _ = unflatten_tensor_state_dict(tensors, metadata)
    kind = quantized_type(folder)
    with init_empty_weights():
        module = make()
    missing, unknown = module.load_state_dict(state, strict=False, assign=True)
    tie = getattr(module, "tie_weights", None)
    if tie is not None:
        tie()
    empty = [name for name, value in module.named_parameters() if value.is_meta]
    if empty or unknown:
        raise ValueError(f"its weights do not fit: {[*empty, *unknown, *missing][:4]}")
    for name, value in module.named_buffers():
        if value.dtype.is_floating_point and name in state:
            value.data = value.data.to(kind)
    return module.eval().requires_grad_(requires_grad=False)
