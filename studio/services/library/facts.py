"""Reads a model's facts: configurations and headers, never its weights.

part "model" of a GGUF, a safetensors file or a transformers folder; one part per component of a
diffusers folder. An original checkpoint's parts are told apart by its family, which knows their prefixes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from studio.domain import gguf
from studio.domain.cost import packed
from studio.domain.cost.cost import ModelFacts, PartFacts, Tensor
from studio.domain.cost.quantized import quantized
from studio.domain.model import Model
from studio.services.library import headers
from studio.services.library.headers import MAX_TENSORS, HeaderError, magic, read_json
from studio.services.library.manifest import FACTS
from studio.services.library.place import Place, gguf_shards, weights
from studio.services.paths import MANIFEST

MODEL = "model"


def facts_of_manifest(model: Model, folder: Path = MANIFEST) -> ModelFacts | None:
    """What the manifest in *folder* has of a model that need not be here; None where it has nothing.

    Raises HeaderError for a file of facts that cannot be read.
    """
    if not model.facts:
        return None
    name, _, variant = model.facts.partition("@")
    try:
        found = msgspec.json.decode((folder / FACTS / f"{name}.json").read_bytes(), type=packed.PackedFacts)
        return packed.unpack(quantized(found, variant) if variant else found)
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        raise HeaderError(f"{name}: {error}") from error


def read_facts(path: Place, rest: Place | None = None) -> ModelFacts:
    """Of what lies at *path*, a folder or a file. Takes some milliseconds a file: call it in a thread.

    *rest*: a folder with the parts that *path* lacks; they are added.

    Raises HeaderError for what is broken, OSError.
    """
    if path.is_file():
        facts = _file(path)
        if rest is None:
            return facts
        return ModelFacts(layout=facts.layout, parts={**_diffusers(rest).parts, **facts.parts})
    if (path / "model_index.json").is_file():
        return _diffusers(path)
    if (path / "config.json").is_file():
        return ModelFacts(layout="transformers", parts={MODEL: _part(path)})
    files = sorted(file.name for file in path.iterdir() if file.name.endswith((".gguf", ".safetensors")))
    if not files:
        raise HeaderError(f"{path.name}: no model file in the folder")
    return _file(path / files[0])


def _file(path: Place) -> ModelFacts:
    if magic(path).startswith(gguf.MAGIC):
        return ModelFacts(layout="gguf", parts={MODEL: _gguf(path)})
    beside = path.parent / "config.json"
    if beside.is_file() and "architectures" in read_json(beside):
        return ModelFacts(layout="transformers", parts={MODEL: _part(path.parent)})
    return ModelFacts(layout="safetensors", parts={MODEL: PartFacts(config={}, tensors=_tensors([path]))})


def _gguf(path: Place) -> PartFacts:
    """A file, or all files of a model that was cut into several; the first one's metadata."""
    config: dict[str, Any] = {}
    tensors: list[Tensor] = []
    for name in gguf_shards(path.name):
        if not (path.parent / name).is_file():
            raise HeaderError(f"{name} is missing")
        metadata, infos = headers.gguf_header(path.parent / name)
        config = config or metadata
        tensors += (Tensor(*info) for info in infos)
    return PartFacts(config=config, tensors=_few(tensors))


def _diffusers(folder: Place) -> ModelFacts:
    index = read_json(folder / "model_index.json")
    parts: dict[str, PartFacts] = {}
    for component in index:
        if (folder / component / "config.json").is_file():
            part = _part(folder / component)
            if part.tensors:
                parts[component] = part
    scheduler = folder / "scheduler" / "scheduler_config.json"
    if scheduler.is_file():
        parts["scheduler"] = PartFacts(config=read_json(scheduler), tensors=())
    return ModelFacts(layout="diffusers", parts=parts)


def _part(folder: Place) -> PartFacts:
    """One component."""
    names = weights(file.name for file in folder.iterdir())
    config: dict[str, Any] = read_json(folder / "config.json")
    return PartFacts(config=config, tensors=_tensors([folder / name for name in names]))


def _tensors(files: list[Place]) -> tuple[Tensor, ...]:
    return _few(
        [
            Tensor(name, entry.dtype, entry.shape, entry.data_offsets[1] - entry.data_offsets[0])
            for file in files
            for name, entry in headers.safetensors_header(file).items()
        ]
    )


def _few(tensors: list[Tensor]) -> tuple[Tensor, ...]:
    if len(tensors) > MAX_TENSORS:
        raise HeaderError(f"{len(tensors)} tensors")
    return tuple(tensors)
