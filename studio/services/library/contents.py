"""What the tensors of one file are: a whole checkpoint, one part of a model, a LoRA, or nothing known."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping
from typing import Protocol

import msgspec
from msgspec import Struct

from studio.domain.finding import Kind
from studio.services.library.loras import lora_of
from studio.services.library.signatures import Shaped, Signature, Tensors, match, signatures

# Where checkpoints keep the parts of a model, by the beginnings of names.
_CONTAINERS = re.compile(
    r"(?P<denoiser>model\.diffusion_model\.)"
    r"|(?P<vae>first_stage_model\.|vae\.)"
    r"|(?P<text_encoder>cond_stage_model\.|conditioner\.embedders\.\d+\.|text_encoders?\.\w+\.)"
    r"|(?P<controlnet>control_model\.)"
    r"|(?P<ignored>model_ema\.|denoiser\.|audio_vae\.|vocoder\.|text_embedding_projection\.|embedder\.|clip_\w*vision\.)"
)
_STARTS = (
    "model.",
    "first_stage_model.",
    "vae.",
    "cond_stage_model.",
    "conditioner.",
    "text_enc",
    "control_",
)
# What trainers and programs put around all names of one part.
_WRAPPERS = re.compile(
    r"model\.diffusion_model\.|diffusion_model\.|control_model\.|first_stage_model\.|module\.|params_ema\.|params\."
    r"|state_dict\.|net\.|transformer\.|unet\.|vae\.|generator\.|model\."
)
_IMAGES = re.compile(r"[\w.]*\.visual\.|.*vision_model\.|[\w.]*open_clip\.")
_BITS = {"F64": 64, "F32": 32, "F16": 16, "BF16": 16, "I64": 64, "I32": 32, "I16": 16, "BOOL": 8}
# Names of what stands beside quantized weights.
_QUANTIZED = {
    ".quant_state.bitsandbytes__nf4\n": "NF4",
    ".quant_state.bitsandbytes__fp4\n": "FP4",
    ".SCB\n": "INT8",
    ".scale_weight\n": "FP8 with scales",
    ".weight_scale\n": "FP8 with scales",
    ".comfy_quant\n": "FP8 with scales",
    ".qweight\n": "INT4",
}


class Typed(Protocol):
    """A tensor as any header describes it."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    @property
    def dtype(self) -> str: ...


class Content(Struct, frozen=True, kw_only=True):
    """As in `Finding`."""

    kind: Kind = "unknown"
    name: str = ""
    family: str = ""
    task: str = ""
    bases: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def content_of(tensors: Tensors) -> Content:
    lora = lora_of(tensors)
    if lora is not None:
        bases = tuple(base.name for base in lora.bases)
        family = lora.bases[0].family if len(bases) == 1 else ""
        return Content(kind="lora", name=lora.form, family=family, bases=bases)
    parts = _parts(tensors)
    if parts.keys() > {"denoiser"}:
        return _checkpoint(parts)
    found = match(tensors, signatures()) or _unwrapped(tensors)
    return _content(found) if found else Content()


def _unwrapped(tensors: Tensors) -> Signature | None:
    """What is left when all names lose what stands in front of each."""
    named: dict[str, Shaped] = {name: tensor for name, tensor in tensors.items() if "." in name}
    while named:
        start = _WRAPPERS.match(next(iter(named)))
        if start is None or not all(name.startswith(start[0]) for name in named):
            return None
        named = {name.removeprefix(start[0]): tensor for name, tensor in named.items()}
        if found := match(named, signatures()):
            return found
    return None


def _content(found: Signature) -> Content:
    return Content(
        kind=found.kind,
        name=found.name,
        family=found.family,
        task=found.task,
        bases=found.bases,
        missing=found.needs,
    )


def _parts(tensors: Tensors) -> dict[str, dict[str, Shaped]]:
    """The tensors of a checkpoint's parts by kind, without what stands in front of their names."""
    parts: dict[str, dict[str, Shaped]] = {}
    if not any(name.startswith(_STARTS) for name in tensors):
        return parts
    loose: dict[str, Shaped] = {}  # numbers of the training; some say how a denoiser was trained
    for name, tensor in tensors.items():
        found = _CONTAINERS.match(name)
        if found and found.lastgroup and found.lastgroup != "ignored":
            kind = found.lastgroup
            if kind == "text_encoder" and _IMAGES.match(name):
                kind = "image_encoder"
            parts.setdefault(kind, {})[name[found.end() :]] = tensor
        elif not found:
            (parts.setdefault("other", {}) if "." in name else loose)[name] = tensor
    if "denoiser" in parts:
        parts["denoiser"] |= loose
    return parts


def _checkpoint(parts: Mapping[str, Tensors]) -> Content:
    """A denoiser with what it needs, as one file. What is around a ControlNet is not looked at."""
    for kind in ("controlnet", "denoiser", "vae"):
        if kind in parts:
            found = match(parts[kind], signatures())
            break
    else:
        return Content()
    if found is None or "other" in parts:
        return Content()
    there = tuple(kind for kind in parts if kind != "other")
    content = _content(found)
    if found.kind != "denoiser":
        return msgspec.structs.replace(content, parts=there)
    missing = tuple(part for part in found.needs if part not in parts)
    return msgspec.structs.replace(
        content, kind="model" if not missing else "denoiser", parts=there, missing=missing
    )


def quantization_of(tensors: Mapping[str, Typed]) -> str:
    """How the weights are made smaller than a type makes them, as people call it; empty if they are not."""
    names = "\n".join(tensors) + "\n"
    return next((words for mark, words in _QUANTIZED.items() if mark in names), "")


def precision_of(tensors: Mapping[str, Typed]) -> str:
    """The types that make up most of the file, the most first: "F16", "F8_E4M3 + F16", "NF4"."""
    if quantization := quantization_of(tensors):
        return quantization
    sizes: Counter[str] = Counter()
    for tensor in tensors.values():
        sizes[tensor.dtype] += math.prod(tensor.shape) * _BITS.get(tensor.dtype, 8)
    whole = sum(sizes.values())
    return " + ".join(kind for kind, size in sizes.most_common(2) if size * 20 > whole)
