"""Reads a model's facts: configurations and headers, never its weights.

part "model" of a GGUF, a safetensors file or a transformers folder; one part per component of a
diffusers folder
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from studio.domain import gguf
from studio.domain.cost.cost import ModelFacts, PartFacts, Tensor
from studio.services.library import headers
from studio.services.library.headers import HeaderError, magic, read_json

MODEL = "model"


def read_facts(path: Path) -> ModelFacts:
    """Of what lies at *path*, a folder or a file. Takes some milliseconds a file: call it in a thread.

    Raises HeaderError for what is broken, OSError.
    """
    if path.is_file():
        return _file(path)
    if (path / "model_index.json").is_file():
        return _diffusers(path)
    if (path / "config.json").is_file():
        return ModelFacts(layout="transformers", parts={MODEL: _part(path)})
    files = sorted(file for file in path.iterdir() if file.suffix in (".gguf", ".safetensors"))
    if not files:
        raise HeaderError(f"{path.name}: no model file in the folder")
    return _file(files[0])


def _file(path: Path) -> ModelFacts:
    if magic(path).startswith(gguf.MAGIC):
        with path.open("rb") as stream:
            try:
                metadata, infos = gguf.read_header(stream)
            except gguf.GgufError as error:
                raise HeaderError(f"{path.name}: {error}") from error
        tensors = tuple(Tensor(*info) for info in infos)
        return ModelFacts(layout="gguf", parts={MODEL: PartFacts(config=metadata, tensors=tensors)})
    if path.parent.joinpath("config.json").is_file():
        return ModelFacts(layout="transformers", parts={MODEL: _part(path.parent)})
    return ModelFacts(layout="safetensors", parts={MODEL: PartFacts(config={}, tensors=_tensors([path]))})


def _diffusers(folder: Path) -> ModelFacts:
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


def _part(folder: Path) -> PartFacts:
    """One component. Where there are files of the variant fp16 as well, the plain ones count."""
    files = sorted(folder.glob("*.safetensors"))
    plain = [file for file in files if ".fp16" not in file.name]
    config: dict[str, Any] = read_json(folder / "config.json")
    return PartFacts(config=config, tensors=_tensors(plain or files))


def _tensors(files: list[Path]) -> tuple[Tensor, ...]:
    return tuple(
        Tensor(name, entry.dtype, entry.shape, entry.data_offsets[1] - entry.data_offsets[0])
        for file in files
        for name, entry in headers.safetensors_header(file).items()
    )
