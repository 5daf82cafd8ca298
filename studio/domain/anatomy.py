"""Of what parts a model's files consist, as far as they say so themselves. Only small JSON is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import msgspec
from msgspec import Struct

DIFFUSERS, TRANSFORMERS, GGUF, SINGLE = "diffusers", "transformers", "gguf", "safetensors"
MODEL = "model"
"""The one part of what is not made of several."""

DENOISERS = ("unet", "transformer")


class Part(Struct, frozen=True, kw_only=True):
    """`library` and `kind`: the module and class that load it. `quantized`: by which method, "" by none."""

    name: str
    folder: Path
    library: str
    kind: str
    quantized: str = ""


class Anatomy(Struct, frozen=True, kw_only=True):
    """`layout` is one of the constants above; `parts` those with weights of their own, by name."""

    layout: str
    path: Path
    parts: dict[str, Part] = {}

    @property
    def denoiser(self) -> Part | None:
        return next((self.parts[name] for name in DENOISERS if name in self.parts), None)


def anatomy(path: Path) -> Anatomy:
    """What lies at *path*. Raises OSError, ValueError for files that are not what they are called."""
    if path.is_file():
        with path.open("rb") as file:
            kind = GGUF if file.read(4) == b"GGUF" else SINGLE
        return Anatomy(layout=kind, path=path)
    if (path / "model_index.json").is_file():
        return Anatomy(layout=DIFFUSERS, path=path, parts=dict(_components(path)))
    if (path / "config.json").is_file():
        config = _read(path / "config.json")
        kinds = [str(kind) for kind in config.get("architectures") or [""]]
        part = Part(
            name=MODEL, folder=path, library="transformers", kind=kinds[0], quantized=_quantized(config)
        )
        return Anatomy(layout=TRANSFORMERS, path=path, parts={MODEL: part})
    first = next(iter(sorted(path.glob("*.gguf")) or sorted(path.glob("*.safetensors"))), None)
    if first is None:
        raise ValueError(f"no model in {path.name}")
    return anatomy(first)


def weights_of(folder: Path) -> list[Path]:
    """The files in *folder* that hold weights, and the lists of such files."""
    return sorted(
        file
        for file in folder.iterdir()
        if file.suffix in (".safetensors", ".bin", ".gguf") or ".safetensors.index" in file.name
    )


def _components(path: Path) -> list[tuple[str, Part]]:
    found: list[tuple[str, Part]] = []
    for name, value in _read(path / "model_index.json").items():
        folder = path / name
        if not isinstance(value, list) or not (folder / "config.json").is_file() or not weights_of(folder):
            continue
        library, kind = map(str, cast("list[Any]", value)[:2])
        quantized = _quantized(_read(folder / "config.json"))
        found.append((name, Part(name=name, folder=folder, library=library, kind=kind, quantized=quantized)))
    return found


def _quantized(config: dict[str, Any]) -> str:
    found = config.get("quantization_config")
    return str(cast("dict[str, Any]", found).get("quant_method", "?")) if isinstance(found, dict) else ""


def _read(file: Path) -> dict[str, Any]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ValueError(f"{file.name}: {error}") from error
