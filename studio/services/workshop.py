"""What the workshop can do with a model: which methods, with which choices, and why not the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import msgspec
from msgspec import Struct

from studio.domain.anatomy import DIFFUSERS, GGUF, SINGLE, TRANSFORMERS, Anatomy, anatomy
from studio.domain.comparison import LINEAGE, REPORT, Lineage, Report
from studio.domain.failure import StudioError
from studio.domain.family import FamilySpec
from studio.domain.parameter import Choice
from studio.domain.request import Request
from studio.domain.text import language, t
from studio.domain.workshop import (
    CHANNELS,
    HEADS,
    LAYERS,
    MAGNITUDE,
    METHODS,
    N_OF_M,
    NF4,
    TORCHAO,
    TYPES,
    WHOLE,
    Trial,
    method,
)
from studio.domain.workshop import (
    GGUF as GGUF_SCHEMES,
)
from studio.services.library import headers
from studio.services.library.library import Resolved

LANGUAGE_MODELS = ("LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM")
"""Whose weights have names in GGUF that we know."""

TRIAL_STEPS = 10
TRIAL_TOKENS = 48


class Offer(Struct, frozen=True, kw_only=True):
    """A method for one model: `spec` with the choices that this model leaves, or the `reason` why not.

    `reason` is a text key, "" where it can be done. `closed`: choices that are not open here, and why.
    """

    spec: FamilySpec
    reason: str = ""
    closed: dict[str, str] = {}


def understood(request: Request, resolved: Resolved) -> tuple[FamilySpec, dict[str, Any]]:
    """What is asked for, a method or a family's task, and its complete and checked values.

    Raises StudioError `param.invalid`, `workshop.impossible`.
    """
    asked = method(request)
    if asked is None:
        if request.task not in resolved.spec.tasks:
            raise StudioError("param.invalid", name="task", reason=request.task)
        return resolved.spec, resolved.spec.complete(request.values, resolved.model)
    found = offer(asked, resolved)
    if found.reason:
        raise StudioError(
            "workshop.impossible",
            name=resolved.source.title,
            method=f"workshop.method.{asked.name}",
            reason=found.reason,
        )
    values = {"trial": trial(resolved), **request.values}
    return asked, found.spec.complete(values)


def offers(resolved: Resolved) -> list[Offer]:
    """Every method, those that cannot be done with this model too."""
    return [offer(spec, resolved) for spec in METHODS.values()]


def offer(spec: FamilySpec, resolved: Resolved) -> Offer:
    """The method *spec*, narrowed to what the model's files allow."""
    try:
        found = anatomy(Path(resolved.source.path)) if resolved.source.path else None
    except (OSError, ValueError):
        found = None
    if found is None:
        return Offer(spec=spec, reason="workshop.reason.unknown")
    choices = {
        "quantize": _schemes,
        "prune": _prunings,
        "distil": _distillable,
        "convert": _targets,
    }[spec.name](found, resolved)
    if not choices:
        return Offer(spec=spec, reason=f"workshop.reason.{spec.name}")
    limits: dict[str, dict[str, Any] | None] = {"part": {"choices": (WHOLE, *found.parts)}}
    name = {"quantize": "scheme", "prune": "pruning", "convert": "target"}.get(spec.name)
    if name is not None:
        usual = cast("Choice", next(p for p in spec.parameters if p.name == name)).default
        limits[name] = {"choices": choices, "default": usual if usual in choices else choices[0]}
    narrowed = spec.narrowed(limits)
    closed = {NF4: "workshop.reason.nf4"} if spec.name == "quantize" and NF4 not in choices else {}
    return Offer(spec=msgspec.structs.replace(spec, parameters=narrowed), closed=closed)


def _by_library(found: Anatomy, resolved: Resolved) -> bool:
    """Whether diffusers or transformers make its parts, and none is quantized already."""
    libraries = {"diffusers", "transformers"} & set(resolved.spec.libraries)
    return bool(found.parts and libraries) and not any(part.quantized for part in found.parts.values())


def _is_language(found: Anatomy) -> bool:
    return found.layout == TRANSFORMERS and any(p.kind in LANGUAGE_MODELS for p in found.parts.values())


def _schemes(found: Anatomy, resolved: Resolved) -> tuple[str, ...]:
    if found.layout == GGUF:
        return GGUF_SCHEMES
    if not _by_library(found, resolved):
        return ()
    return (*TORCHAO, *(GGUF_SCHEMES if _is_language(found) else ()))


def _prunings(found: Anatomy, resolved: Resolved) -> tuple[str, ...]:
    if not _by_library(found, resolved):
        return ()
    if found.layout == DIFFUSERS:
        usual = found.denoiser is not None and found.denoiser.kind == "UNet2DConditionModel"
        return (*((CHANNELS,) if usual else ()), MAGNITUDE, N_OF_M)
    return (*((CHANNELS, HEADS, LAYERS) if _is_language(found) else ()), MAGNITUDE, N_OF_M)


def _distillable(found: Anatomy, resolved: Resolved) -> tuple[str, ...]:
    if not _by_library(found, resolved):
        return ()
    if _is_language(found):
        return ("language",)
    denoiser = found.denoiser
    return ("steps",) if denoiser is not None and denoiser.kind == "UNet2DConditionModel" else ()


def _targets(found: Anatomy, resolved: Resolved) -> tuple[str, ...]:
    """Types are for every model of numbers; other forms for what the libraries make."""
    if found.layout == GGUF or any(part.quantized for part in found.parts.values()):
        return ()
    folders = any(layout.kind == DIFFUSERS for layout in resolved.spec.layouts)
    if found.layout == SINGLE:
        return (*TYPES, *(("diffusers",) if folders else ()))
    if not _by_library(found, resolved):
        return TYPES
    if found.layout == DIFFUSERS:
        single = any(layout.kind == SINGLE for layout in resolved.spec.layouts)
        forms = ("single_file",) if single else ()
        return (*TYPES, *forms, "onnx", "torch_export", "merge_lora", "component")
    return (*TYPES, *(("gguf",) if _is_language(found) else ()), "onnx", "torch_export", "merge_lora")


def trial(resolved: Resolved) -> dict[str, Any] | None:
    """What is made with the model before and after, short and always the same; None for another kind."""
    spec, model = resolved.spec, resolved.model
    task = spec.tasks[0]
    parameters = {parameter.name: parameter for parameter in spec.parameters_for(model)}
    usual = (("seed", 1), ("temperature", 0.0), ("max_tokens", TRIAL_TOKENS))
    values: dict[str, Any] = {name: value for name, value in usual if name in parameters}
    if "prompt" in parameters:
        examples = model.prompts(language())
        values["prompt"] = examples[0] if examples else t(f"models.example.{task}")
    if "steps" in parameters:
        values["steps"] = min(parameters["steps"].default, TRIAL_STEPS)
    complete = spec.complete(values, model)
    return msgspec.to_builtins(
        Trial(task=task, family=spec.name, values=complete, parameters=model.parameters)
    )


# --- what was made --------------------------------------------------------------------------------


def report_of(path: Path) -> Report | None:
    """The report beside the model at *path* (its folder, or its file), None where there is none."""
    return _beside(path, REPORT, Report)


def lineage_of(path: Path) -> Lineage | None:
    """How the model at *path* was made here, None for others."""
    return _beside(path, LINEAGE, Lineage)


def _beside(path: Path, name: str, kind: Any) -> Any:
    folder = path.parent if path.is_file() else path
    try:
        return msgspec.json.decode((folder / name).read_bytes(), type=kind)
    except (FileNotFoundError, NotADirectoryError, msgspec.MsgspecError):
        return None


# --- what is done without an engine ---------------------------------------------------------------


def from_pickle(file: Path, root: Path) -> Path:
    """The tensors of a pickled checkpoint as safetensors, in a folder of its own below *root*.

    A locked process reads the pickle and runs nothing of it. Raises StudioError `model.unsafe`, OSError.
    """
    import shutil
    import time

    from studio.services.library.convert import CheckpointError, to_safetensors

    folder = root / f"made--{file.stem}" / time.strftime("%Y%m%d-%H%M%S")
    aside = root / ".parts" / f"made-{file.stem}-{time.time_ns()}"
    aside.mkdir(parents=True)
    try:
        to_safetensors(file, aside / f"{file.stem}.safetensors")
        folder.parent.mkdir(parents=True, exist_ok=True)
        aside.rename(folder)
    except CheckpointError as error:
        raise StudioError("model.unsafe", name=file.name, what=file.name, details=str(error)) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return folder / f"{file.stem}.safetensors"


def is_pickle(file: Path) -> bool:
    """Whether *file* is one that no program should load as it is. Raises OSError."""
    return file.is_file() and headers.magic(file).startswith(headers.PICKLE_MAGICS)
