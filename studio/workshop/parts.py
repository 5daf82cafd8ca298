"""The parts of a model as modules: loaded whole, on the processor, in the type that is asked for."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from studio.domain import late
from studio.domain.anatomy import MODEL, Anatomy, Part, anatomy, weights_of
from studio.domain.comparison import LINEAGE, REPORT

if TYPE_CHECKING:
    from studio.workshop.making import Making

LEFT_OUT = (LINEAGE, Path(REPORT).parts[0], "record.json", ".studio.json", ".cache", ".git")
LIBRARIES = ("diffusers", "transformers")


def opened(making: Making) -> Anatomy:
    """What the model is made of. Raises StudioError `workshop.impossible` for what is no model."""
    try:
        return anatomy(making.path)
    except ValueError as error:
        raise making.impossible("workshop.reason.unknown", str(error)) from error


def load(making: Making, part: Part, dtype: torch.dtype) -> Any:
    """The module of *part* as *dtype*, ready to compute. Raises StudioError `workshop.impossible`."""
    late.hide()
    kind = (
        getattr(importlib.import_module(part.library), part.kind, None) if part.library in LIBRARIES else None
    )
    if kind is None or not hasattr(kind, "from_pretrained"):
        raise making.impossible("workshop.reason.unknown", f"{part.library}.{part.kind}")
    if part.quantized:
        raise making.impossible("workshop.reason.quantized")
    quiet()
    plain = [file for file in part.folder.glob("*.safetensors") if ".fp16" not in file.name]
    module = kind.from_pretrained(
        str(part.folder),
        use_safetensors=True,
        local_files_only=True,
        variant=None if plain else "fp16",
        dtype=dtype,
    )
    making.context.check_cancelled()
    return module.eval().requires_grad_(requires_grad=False)


def quiet() -> None:
    """Libraries draw no bars: nobody reads the engine's terminal."""
    late.hide()
    import diffusers
    import transformers

    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()


def copy_rest(making: Making, model: Anatomy, without: Iterable[str]) -> None:
    """Copy the model's folder but the weights of the parts *without*, and what only tells of it."""
    replaced = {file for name in without for file in weights_of(model.parts[name].folder)}
    top = set[Path]() if MODEL in model.parts else set(weights_of(model.path))
    for file in sorted(model.path.rglob("*")):
        relative = file.relative_to(model.path)
        if file.is_dir() or file in replaced | top or relative.parts[0] in LEFT_OUT:
            continue
        making.context.check_cancelled()
        target = making.folder / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target)


def place_of(making: Making, model: Anatomy, part: Part) -> Path:
    """Where *part* lies in what is made."""
    folder = making.folder / part.folder.relative_to(model.path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def size_of(part: Part) -> int:
    return sum(file.stat().st_size for file in weights_of(part.folder))
