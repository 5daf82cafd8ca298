"""The facts of a model that lies here, read with the libraries' own readers."""

from __future__ import annotations

import json
from pathlib import Path

import gguf
from safetensors import safe_open

from studio.domain.cost.cost import ModelFacts, PartFacts, Tensor

BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4}


def facts_of(path: Path) -> ModelFacts:
    """Of a folder of diffusers' or transformers', a safetensors or a GGUF file."""
    if path.suffix == ".gguf":
        return ModelFacts(layout="gguf", parts={"model": _gguf(path)})
    if path.is_file():
        return ModelFacts(layout="safetensors", parts={"model": PartFacts(config={}, tensors=_tensors(path))})
    if not (path / "model_index.json").exists():
        return ModelFacts(layout="transformers", parts={"model": _part(path)})
    folders = [folder for folder in sorted(path.iterdir()) if list(folder.glob("*.safetensors"))]
    return ModelFacts(layout="diffusers", parts={folder.name: _part(folder) for folder in folders})


def _part(folder: Path) -> PartFacts:
    config = json.loads((folder / "config.json").read_text())
    files = sorted(folder.glob("*.safetensors"))
    return PartFacts(config=config, tensors=tuple(tensor for file in files for tensor in _tensors(file)))


def _tensors(file: Path) -> tuple[Tensor, ...]:
    found: list[Tensor] = []
    with safe_open(file, "np") as tensors:
        for name in tensors.keys():  # noqa: SIM118 - not a dict
            entry = tensors.get_slice(name)
            shape = tuple(entry.get_shape())
            bare = Tensor(name, entry.get_dtype(), shape, 0)
            found.append(Tensor(name, bare.type, shape, bare.elements * BYTES[bare.type]))
    return tuple(found)


def _gguf(file: Path) -> PartFacts:
    reader = gguf.GGUFReader(file)
    config = {name: field.contents() for name, field in reader.fields.items()}
    return PartFacts(
        config={name: value for name, value in config.items() if not isinstance(value, list)},
        tensors=tuple(
            Tensor(
                tensor.name,
                tensor.tensor_type.name,
                tuple(int(size) for size in reversed(tensor.shape)),
                int(tensor.n_bytes),
            )
            for tensor in reader.tensors
        ),
    )
