"""How a loaded pipeline computes: its attention, its batches, the compiler, and where its parts lie."""

from __future__ import annotations

import functools
import shutil
import sysconfig
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from diffusers.hooks import apply_group_offloading
from diffusers.models.attention_processor import Attention, AttnProcessor, SlicedAttnProcessor
from torch.nn.attention import SDPBackend, sdpa_kernel

STREAMS = ("cuda", "xpu")  # whose blocks travel while others compute
KERNELS = {"flash": SDPBackend.FLASH_ATTENTION, "eager": SDPBackend.MATH}


class OneHead(SlicedAttnProcessor):
    """Scores of one head at a time. Takes what the library hands to every kind, and its own does not."""

    def __init__(self) -> None:
        super().__init__(slice_size=1)

    def __call__(
        self,
        attn: Attention,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        temb: torch.Tensor | None = None,
    ) -> torch.Tensor:
        del temb  # of a norm that depends on the time, which no denoiser that is sliced has
        return super().__call__(attn, hidden_states, encoder_hidden_states, attention_mask)


def attend(module: torch.nn.Module, kind: str) -> None:
    """Let *module* compute attention as `Plan.attention` says; "sdpa" is what it does by itself.

    An autoencoder has too wide a head for the flash kernel: it is not to be asked for that.
    """
    layers: list[Any] = [each for each in module.modules() if isinstance(each, Attention)]
    if kind in ("eager", "sliced") and layers:
        for layer in layers:
            layer.set_processor(AttnProcessor() if kind == "eager" else OneHead())
    elif kind in KERNELS:
        _with_kernel(module, kind)


def _with_kernel(module: Any, kind: str) -> None:
    """No other kernel may take part in a call of *module*."""
    plain = module.forward

    @functools.wraps(plain)
    def forward(*args: Any, **kwargs: Any) -> Any:
        with sdpa_kernel(KERNELS[kind]):
            return plain(*args, **kwargs)

    module.forward, module.attention_kernel = forward, kind


class Slicing:
    """Lets *denoiser* compute what is a batch one after another, while `on`."""

    def __init__(self, denoiser: Any) -> None:
        self.on = False
        whole = denoiser.forward

        @functools.wraps(whole)
        def forward(sample: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
            batch = sample.shape[0]
            if not self.on or batch == 1:
                return whole(sample, *args, **kwargs)
            outputs = [
                whole(*_picked((sample, *args), n, batch), **_picked(kwargs, n, batch)) for n in range(batch)
            ]
            return tuple(torch.cat(column) for column in zip(*outputs, strict=True))

        denoiser.forward = forward


def _picked(value: Any, n: int, batch: int) -> Any:
    """What of an argument belongs to number *n*; what all share stays as it is."""
    if isinstance(value, torch.Tensor):
        return value[n : n + 1] if value.dim() and value.shape[0] == batch else value
    if isinstance(value, tuple):
        return tuple(_picked(each, n, batch) for each in value)
    if isinstance(value, dict):
        return {name: _picked(each, n, batch) for name, each in value.items()}
    return value


def no_compiler(device: str) -> str:
    """Why torch's compiler cannot be used on *device*; empty if it can."""
    if device != "cpu":
        return "" if find_spec("triton") else "triton is not installed"
    if not any(shutil.which(name) for name in ("g++", "clang++", "cl")):
        return "no C++ compiler"
    header = Path(sysconfig.get_paths()["include"], "Python.h")
    return "" if header.exists() else "no header files of Python"


def compile_blocks(denoiser: Any) -> None:
    """Each kind of its repeated blocks is compiled once, at its first call, and serves for all alike."""
    denoiser.compile_repeated_blocks(fullgraph=True)


def offload(pipeline: Any, kind: str, device: str) -> None:
    """Let the parts of *pipeline* take turns on *device*, as `Plan.offload` says."""
    match kind:
        case "model":
            pipeline.enable_model_cpu_offload(device=device)
        case "sequential":
            pipeline.enable_sequential_cpu_offload(device=device)
        case "group":
            for name, part in pipeline.components.items():
                if isinstance(part, torch.nn.Module):
                    # Streams learn the order of blocks at the first call; tiles call them in another.
                    streams = device.partition(":")[0] in STREAMS and name != "vae"
                    apply_group_offloading(
                        part,
                        onload_device=torch.device(device),
                        num_blocks_per_group=1,
                        use_stream=streams,
                    )
        case _:
            pass
