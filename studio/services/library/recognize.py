"""Tells by content which family can load a path. Reads headers and small JSON only, runs nothing.

A name or an ending never decides. What asks to run code of its own, or is a pickle, is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NoReturn, cast

from msgspec import Struct

from studio.domain.failure import StudioError
from studio.domain.family import FamilySpec, Layout
from studio.families.registry import families
from studio.services.library import headers
from studio.services.library.headers import HeaderError

# Modules whose classes a pipeline may name; any other is code that came with the files.
_LIBRARIES = ("diffusers", "transformers", "optimum")
_CODE_KEYS = ("auto_map", "custom_pipeline", "custom_pipelines", "trust_remote_code")
# Parts that a pipeline runs without, and that manifests leave out.
_OPTIONAL = ("safety_checker", "feature_extractor", "image_encoder")
_ATTENTION_KEYS = ("_attn_implementation", "attn_implementation", "_attn_implementation_internal")


class Found(Struct, frozen=True):
    """`path` is what the family's pipeline gets: a folder or a file, absolute."""

    spec: FamilySpec
    path: Path


def recognize(path: Path, name: str = "") -> Found:
    """The family for what lies at *path*; *name* is what messages call it.

    Raises StudioError `model.missing`, `model.missing_file`, `model.unrecognized`, `model.unsafe`.
    """
    path = path.expanduser().absolute()
    name = name or path.name
    try:
        if path.is_dir():
            return _folder(path, name)
        if path.is_file():
            return _file(path, name)
    except HeaderError as error:
        raise StudioError("model.unrecognized", name=name, details=str(error)) from error
    except OSError as error:
        raise StudioError("model.missing", name=name, details=str(error)) from error
    raise StudioError("model.missing", name=name, details=str(path))


def _folder(folder: Path, name: str) -> Found:
    if (folder / "model_index.json").is_file():
        return _diffusers(folder, name)
    if (folder / "config.json").is_file():
        found = _transformers(folder, name)
        if found:
            return found
    models = sorted(file for file in folder.iterdir() if file.is_file() and _kind(file) is not None)
    if not models:
        _refuse_pickles(folder, name)
        raise StudioError("model.unrecognized", name=name, details="no model file in the folder")
    return _file(models[0], name)  # the first of several is the first shard


def _file(file: Path, name: str) -> Found:
    kind = _kind(file)
    if kind == "gguf":
        return Found(_family("gguf", [headers.gguf_architecture(file)], name), file)
    if kind == "safetensors":
        tensors = headers.safetensors_header(file)
        spec = _match("safetensors", lambda layout: _all_named(layout, tensors))
        if spec:
            return Found(spec, file)
        if (file.parent / "config.json").is_file():  # one file of a folder stands for the folder
            found = _transformers(file.parent, name)
            if found:
                return found
        _refuse("safetensors", list(tensors), name)
    if headers.magic(file).startswith(headers.PICKLE_MAGICS):
        raise StudioError("model.unsafe", name=name, what=file.name)
    raise StudioError("model.unrecognized", name=name, details="neither GGUF nor safetensors")


def _diffusers(folder: Path, name: str) -> Found:
    index = headers.read_json(folder / "model_index.json")
    _refuse_code(folder, index, name)
    for component, value in index.items():
        if not isinstance(value, list):
            continue
        library, kind = _pair(cast("list[Any]", value), name)
        if library is None and kind is None:
            continue
        if library not in _LIBRARIES and library != "stable_diffusion":  # an old alias of diffusers' own
            raise StudioError("model.unsafe", name=name, what=f"{component}: {library}")
        if not (folder / component).is_dir():
            if component in _OPTIONAL:
                continue
            raise StudioError("model.missing_file", name=name, file=component)
        config = folder / component / "config.json"
        if config.is_file():
            _refuse_code(folder, headers.read_json(config), name)
            _need_weights(folder / component, name)
    return Found(_family("diffusers", [str(index.get("_class_name", ""))], name), folder)


def _transformers(folder: Path, name: str) -> Found | None:
    config = headers.read_json(folder / "config.json")
    classes = config.get("architectures")
    if not isinstance(classes, list):
        return None
    _refuse_code(folder, config, name)
    _need_weights(folder, name)
    names = [str(entry) for entry in cast("list[Any]", classes)]
    return Found(_family("transformers", names, name), folder)


def _need_weights(folder: Path, name: str) -> None:
    """At least one safetensors file, and every shard that an index names."""
    for index in folder.glob("*.safetensors.index.json"):
        shards = headers.read_json(index).get("weight_map")
        if not isinstance(shards, dict):
            raise HeaderError(f"{index.name}: no weight_map")
        for shard in sorted({str(shard) for shard in shards.values()}):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
            if Path(shard).name != shard:
                raise StudioError("model.unsafe", name=name, what=shard)
            if not (folder / shard).is_file():
                raise StudioError("model.missing_file", name=name, file=shard)
    if not any(folder.glob("*.safetensors")):
        _refuse_pickles(folder, name)
        raise StudioError("model.missing_file", name=name, file="model.safetensors")
    for file in folder.glob("*.safetensors"):
        headers.safetensors_header(file)


def _refuse_code(folder: Path, config: dict[str, Any], name: str) -> None:
    for key in _CODE_KEYS:
        if config.get(key):
            raise StudioError("model.unsafe", name=name, what=key)
    for key in _ATTENTION_KEYS:
        if "/" in str(config.get(key, "")):
            raise StudioError("model.unsafe", name=name, what=f"{key}: {config[key]}")
    for code in sorted(folder.rglob("*.py")):
        raise StudioError("model.unsafe", name=name, what=code.name)


def _refuse_pickles(folder: Path, name: str) -> None:
    for file in sorted(folder.iterdir()):
        if file.is_file() and headers.magic(file).startswith(headers.PICKLE_MAGICS):
            raise StudioError("model.unsafe", name=name, what=file.name)


def _pair(value: list[Any], name: str) -> tuple[Any, Any]:
    if len(value) != 2:
        raise StudioError("model.unrecognized", name=name, details=f"component {str(value)[:200]}")
    return value[0], value[1]


def _kind(file: Path) -> str | None:
    start = headers.magic(file)
    if start.startswith(headers.GGUF_MAGIC):
        return "gguf"
    length = int.from_bytes(start[:8], "little")
    if len(start) > 8 and start[8:9] == b"{" and length <= headers.MAX_SAFETENSORS_HEADER:
        return "safetensors"
    return None


def _family(kind: str, names: list[str], name: str) -> FamilySpec:
    spec = _match(kind, lambda layout: _best(layout, names))
    if spec is None:
        _refuse(kind, names, name)
    return spec


def _match(kind: str, score: Callable[[Layout], int]) -> FamilySpec | None:
    """The family whose layout of *kind* says most precisely that it fits; a score of 0 is no."""
    best, best_score = None, 0
    for spec in families().values():
        for layout in spec.layouts:
            if layout.kind == kind and (fits := score(layout)) > best_score:
                best, best_score = spec, fits
    return best


def _best(layout: Layout, names: Iterable[str]) -> int:
    return max(
        (_weight(pattern) for pattern in layout.classes for name in names if fnmatchcase(name, pattern)),
        default=0,
    )


def _all_named(layout: Layout, tensors: dict[str, headers.Tensor]) -> int:
    if all(any(fnmatchcase(name, pattern) for name in tensors) for pattern in layout.classes):
        return sum(map(_weight, layout.classes))
    return 0


def _weight(pattern: str) -> int:
    return 1 + len(pattern.replace("*", ""))


def _refuse(kind: str, names: list[str], name: str) -> NoReturn:
    words = ", ".join(names[:8])[:300]
    raise StudioError("model.unrecognized", name=name, details=f"{kind}: {words}")
