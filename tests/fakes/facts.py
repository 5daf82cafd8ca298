"""What headers and configurations say of a model that lies in a folder, without reading its weights."""

from __future__ import annotations

import json
from pathlib import Path

from studio.domain.cost.cost import ModelFacts, PartFacts, Tensor
from studio.services.library.headers import safetensors_header


def facts_of(folder: Path) -> ModelFacts:
    """Of a diffusers or a transformers folder."""
    diffusers = (folder / "model_index.json").is_file()
    places = (
        {place.name: place for place in folder.iterdir() if place.is_dir()}
        if diffusers
        else {"model": folder}
    )
    return ModelFacts(
        layout="diffusers" if diffusers else "transformers",
        parts={name: _part(place) for name, place in places.items() if (place / "config.json").is_file()},
    )


def _part(folder: Path) -> PartFacts:
    tensors: list[Tensor] = []
    for file in sorted(folder.glob("*.safetensors")):
        for name, entry in safetensors_header(file).items():
            begin, end = entry.data_offsets
            tensors.append(Tensor(name, entry.dtype, entry.shape, end - begin))
    config = json.loads((folder / "config.json").read_bytes())
    return PartFacts(config=config, tensors=tuple(tensors))
