"""Puts a model together part by part, each on its device and in its precision.

Safetensors only, from this machine only, and never code that came with them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import diffusers
import torch
import transformers

from studio.diffusion import stored
from studio.diffusion.precision import Types
from studio.domain.failure import StudioError

if TYPE_CHECKING:
    from studio.engine.context import Context

diffusers.utils.logging.disable_progress_bar()  # nobody reads the engine's terminal
transformers.utils.logging.disable_progress_bar()

LOCAL = {"local_files_only": True}
FULL = re.compile(r"(?:can't allocate|not enough) memory")


class Source(Protocol):
    """`configs` is a folder with `tokenizer/` and `scheduler/`; `sizes` the bytes of each part's weights."""

    configs: Path
    sizes: dict[str, int]

    def part(self, name: str, dtype: torch.dtype) -> torch.nn.Module:
        """The part *name*, in memory as *dtype*. Raises ValueError, KeyError, RuntimeError."""
        ...


class Folder:
    """A diffusers folder. Where there are only files of the variant fp16, those are taken.

    *kinds*: the classes of the parts that have weights, in the order in which they are loaded. Raises
    StudioError `model.missing_file`.
    """

    def __init__(self, folder: Path, title: str, kinds: dict[str, Any]) -> None:
        self.configs = folder
        self.sizes: dict[str, int] = {}
        self._kinds = kinds
        self._variants: dict[str, str | None] = {}
        for name in kinds:
            files = sorted((folder / name).glob("*.safetensors"))
            if not files:
                raise StudioError("model.missing_file", name=title, file=f"{name}/*.safetensors")
            plain = [file for file in files if ".fp16" not in file.name]
            self._variants[name] = None if plain else "fp16"
            self.sizes[name] = sum(file.stat().st_size for file in plain or files)

    def part(self, name: str, dtype: torch.dtype) -> torch.nn.Module:
        """See `Source`. One that is quantized computes in its own type."""
        folder, kind = self.configs / name, self._kinds[name]
        if stored.quantized(folder):
            return stored.load(folder, lambda: empty(kind, folder))
        return kind.from_pretrained(
            str(folder), use_safetensors=True, variant=self._variants[name], dtype=dtype, **LOCAL
        )


def empty(kind: Any, folder: Path) -> torch.nn.Module:
    """A part as the configuration in *folder* has it, of a class of diffusers' or transformers'."""
    if hasattr(kind, "load_config"):
        config = kind.load_config(str(folder), **LOCAL)
        return kind.from_config({k: v for k, v in config.items() if k != "quantization_config"})
    config = kind.config_class.from_pretrained(str(folder), **LOCAL)
    config.quantization_config = None
    return kind(config)


def load_parts(
    context: Context, source: Source, types: Types, tokenizers: dict[str, Any], title: str
) -> dict[str, Any]:
    """Every part of *source* and its *tokenizers* (their classes by name), on the device, or offloaded.

    Raises StudioError `model.unrecognized` for parts that are not what they should be.
    """
    done, total = 0, sum(source.sizes.values())
    place = context.device if context.plan.offload == "none" else "cpu"  # from where they take turns
    parts: dict[str, Any] = {}
    try:
        for name, kind in tokenizers.items():
            parts[name] = kind.from_pretrained(str(source.configs / name), **LOCAL)
        for name, size in source.sizes.items():
            parts[name] = source.part(name, types[name]).eval().to(place)
            done += size
            context.progress(done / total)
    except torch.OutOfMemoryError:
        raise
    except (ValueError, KeyError, RuntimeError) as error:
        if FULL.search(str(error)):  # the processor's memory: torch has no error of its own for it
            raise
        raise unfit(title, str(error)) from error
    return parts


def unfit(title: str, details: str) -> StudioError:
    """The parts of the model *title* do not make one."""
    return StudioError("model.unrecognized", name=title, details=details)


def keep_outside(denoiser: torch.nn.Module, first: torch.nn.Module) -> None:
    """Let *denoiser* take and give float32, whatever it computes in: the latents keep their precision.

    *first*: its layer that reads the latents.
    """

    def before(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        dtype = first.weight.dtype  # `denoiser.dtype` looks through all modules, every time
        # Not the time step, which may stand behind the latents: bfloat16 has no 999.
        kwargs |= {name: kwargs[name].to(dtype) for name in _CAST if kwargs.get(name) is not None}
        return (*(value.to(dtype) for value in args[:1]), *args[1:]), kwargs

    def after(_module: Any, _args: Any, output: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
        return (output[0].float(),)

    denoiser.register_forward_pre_hook(before, with_kwargs=True)
    denoiser.register_forward_hook(after)


_CAST = ("hidden_states", "encoder_hidden_states", "pooled_projections")
