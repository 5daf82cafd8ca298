"""Tells by content which family can load a path. Reads headers and small JSON only, runs nothing.

A name or an ending never decides. What asks to run code of its own, or is a pickle, is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NoReturn, TypeVar, cast

from msgspec import Struct

from studio.domain import gguf
from studio.domain.failure import StudioError
from studio.domain.family import FamilySpec, Layout
from studio.families.registry import families
from studio.services.library import headers
from studio.services.library.contents import quantization_of
from studio.services.library.headers import MAX_INDEX, HeaderError
from studio.services.library.place import Place, gguf_shards
from studio.services.library.signatures import has, like

P = TypeVar("P", bound=Place)

# Modules whose classes a pipeline may name; any other is code that came with the files.
# ("stable_diffusion" is an old alias of one inside diffusers).
_LIBRARIES = ("diffusers", "transformers", "optimum", "stable_diffusion")
_CODE_KEYS = ("auto_map", "custom_pipeline", "custom_pipelines", "custom_generate", "trust_remote_code")
_CODE_FILES = ("*.py", "*.pyc", "*.pyd", "*.so", "*.dll", "*.dylib")
# Parts that a pipeline runs without, and that manifests leave out.
_OPTIONAL = ("safety_checker", "feature_extractor", "image_encoder")
# Ends of names of configurations; other files (vocabularies, indices) are lists without keys of code.
_CONFIGS = ("config.json", "model_index.json")
MAX_DEPTH = 64
MAX_CLASSES = 16  # that a configuration names; each is compared with all that is known
_ATTENTION_KEYS = ("_attn_implementation", "attn_implementation", "_attn_implementation_internal")


class Found(Struct, frozen=True):
    """`path` is what the family's pipeline gets: a folder or a file, absolute.

    `parameters` narrow the family's, by what the files say of themselves (`Variant`). `needs`: what a folder
    of the family must add (`Layout`). `treated`: the user said what it is.
    """

    spec: FamilySpec
    path: Path
    parameters: dict[str, dict[str, Any] | None] = {}
    needs: tuple[str, ...] = ()
    treated: bool = False


def recognize(
    path: Path,
    name: str = "",
    specs: Iterable[FamilySpec] | None = None,
    *,
    treat: bool = False,
    tensors: dict[str, headers.Tensor] | None = None,
) -> Found:
    """Which of *specs* (all families if None) fits what lies at *path*; *name* is what messages call it.

    With *treat* the first of *specs* is taken whatever the files name, if it loads files that lie like these;
    what is broken, incomplete or carries code is refused all the same. *tensors*: of a safetensors file, if
    they were read before.

    Raises StudioError `model.missing`, `model.missing_file`, `model.unrecognized`, `model.unsafe`.
    """
    path = path.expanduser().absolute()
    name = name or path.name
    try:
        if path.is_dir() or path.is_file():
            finder = _Finder(
                name, tuple(families().values() if specs is None else specs), treat=treat, tensors=tensors
            )
            spec, place = finder.folder(path) if path.is_dir() else finder.file(path)
            return Found(spec, place, _variant(spec, place, tensors), finder.needs, treat)
    except HeaderError as error:
        raise StudioError("model.unrecognized", name=name, details=str(error)) from error
    except OSError as error:
        raise StudioError("model.missing", name=name, details=str(error)) from error
    raise StudioError("model.missing", name=name, details=str(path))


def family_of(
    place: P, name: str, specs: Iterable[FamilySpec] | None = None
) -> tuple[FamilySpec, P, dict[str, dict[str, Any] | None]]:
    """What `recognize` finds at *place*, wherever that is.

    Raises HeaderError, OSError, StudioError `model.missing_file`, `model.unrecognized`, `model.unsafe`.
    """
    finder = _Finder(name, tuple(families().values() if specs is None else specs))
    spec, path = finder.folder(place) if place.is_dir() else finder.file(place)
    return spec, path, _variant(spec, path, None)


def _variant(
    spec: FamilySpec, path: Place, tensors: dict[str, headers.Tensor] | None
) -> dict[str, dict[str, Any] | None]:
    """What the variants of the family that fit say of its parameters."""
    narrowed: dict[str, dict[str, Any] | None] = {}
    for variant in spec.variants:
        if path.is_file():
            names = tensors or headers.safetensors_header(path)
            fit = variant.absent and not like(variant.absent, names)
        else:
            file = path / variant.file
            fit = file.is_file() and headers.read_json(file).get(variant.key, False) == variant.value
        if fit:
            narrowed |= variant.parameters
    return narrowed


class _Finder:
    """Looks at one place. `name` is for messages, `specs` may be found; `needs` those of the layout found."""

    def __init__(
        self,
        name: str,
        specs: tuple[FamilySpec, ...],
        *,
        treat: bool = False,
        tensors: dict[str, headers.Tensor] | None = None,
    ) -> None:
        self._name, self._specs, self._treat, self._tensors = name, specs, treat, tensors
        self.needs: tuple[str, ...] = ()

    def folder(self, folder: P) -> tuple[FamilySpec, P]:
        if (folder / "model_index.json").is_file():
            return self._diffusers(folder)
        if (folder / "config.json").is_file():
            found = self._transformers(folder)
            if found:
                return found
        model = next((file for file in _files(folder) if kind_of(file) is not None), None)
        if model is None:
            self._refuse_pickles(folder)
            raise StudioError("model.unrecognized", name=self._name, details="no model file in the folder")
        return self.file(model)  # the first of several is the first shard

    def file(self, file: P) -> tuple[FamilySpec, P]:
        kind = kind_of(file)
        if kind == "gguf":
            self._need(file.parent, gguf_shards(file.name))
            return self._family("gguf", [headers.gguf_architecture(file)]), file
        if kind == "safetensors":
            tensors = self._tensors or headers.safetensors_header(file)
            spec = self._match("safetensors", lambda layout: _all_named(layout, tensors))
            if spec:
                if quantization := quantization_of(tensors):
                    raise StudioError("quant.unsupported", name=self._name, format=quantization)
                return spec, file
            if (file.parent / "config.json").is_file():  # one file of a folder stands for the folder
                found = self._transformers(file.parent)
                if found:
                    return found
            self._refuse("safetensors", list(tensors))
        if headers.magic(file).startswith(headers.PICKLE_MAGICS):
            raise StudioError("model.unsafe", name=self._name, what=file.name)
        raise StudioError("model.unrecognized", name=self._name, details="neither GGUF nor safetensors")

    def _diffusers(self, folder: P) -> tuple[FamilySpec, P]:
        index = headers.read_json(folder / "model_index.json")
        self._refuse_code(folder)
        for component, value in index.items():
            if not isinstance(value, list):
                continue
            library, kind = self._pair(cast("list[Any]", value))
            if library is None and kind is None:
                continue
            if library not in _LIBRARIES:
                raise StudioError("model.unsafe", name=self._name, what=f"{component}: {library}")
            place = folder / component
            if place.is_dir():
                self._component(place)
            elif component not in _OPTIONAL:
                raise StudioError("model.missing_file", name=self._name, file=component)
        return self._family("diffusers", [str(index.get("_class_name", ""))]), folder

    def _component(self, place: Place) -> None:
        if (place / "config.json").is_file():
            self._need_weights(place)

    def _transformers(self, folder: P) -> tuple[FamilySpec, P] | None:
        config = headers.read_json(folder / "config.json")
        classes = config.get("architectures")
        if not isinstance(classes, list):
            return None
        self._refuse_code(folder)
        self._need_weights(folder)
        names = [str(entry) for entry in cast("list[Any]", classes)[:MAX_CLASSES]]
        return self._family("transformers", names), folder

    def _need_weights(self, folder: Place) -> None:
        """At least one safetensors file, and every shard that an index names."""
        files = _files(folder)
        for index in (file for file in files if file.name.endswith(".safetensors.index.json")):
            shards = headers.read_json(index, MAX_INDEX).get("weight_map")
            if not isinstance(shards, dict):
                raise HeaderError(f"{index.name}: no weight_map")
            self._need(folder, sorted({str(shard) for shard in cast("dict[str, Any]", shards).values()}))
        weights = [file for file in files if file.name.endswith(".safetensors")]
        if not weights:
            self._refuse_pickles(folder)
            raise StudioError("model.missing_file", name=self._name, file="model.safetensors")
        for file in weights:
            headers.safetensors_header(file)

    def _need(self, folder: Place, names: Iterable[str]) -> None:
        for name in names:
            if "/" in name or "\\" in name or name in ("", ".", ".."):
                raise StudioError("model.unsafe", name=self._name, what=name)
            if not (folder / name).is_file():
                raise StudioError("model.missing_file", name=self._name, file=name)

    def _refuse_code(self, folder: Place) -> None:
        """Whatever in *folder* asks to run code of its own: its configurations, and files of code."""
        for file in sorted(folder.rglob("*.json"), key=lambda file: file.name):
            if file.name.endswith(_CONFIGS) and file.is_file():
                self._refuse_keys(headers.read_json(file))
        for pattern in _CODE_FILES:
            code = min((file.name for file in folder.rglob(pattern)), default=None)
            if code is not None:
                raise StudioError("model.unsafe", name=self._name, what=code)

    def _refuse_keys(self, value: Any, depth: int = 0) -> None:
        """In *value* and all that it holds."""
        if depth > MAX_DEPTH:
            raise HeaderError("a configuration too deep to be looked through")
        if isinstance(value, list):
            for entry in cast("list[Any]", value):
                self._refuse_keys(entry, depth + 1)
        elif isinstance(value, dict):
            config = cast("dict[str, Any]", value)
            for key in _CODE_KEYS:
                if config.get(key):
                    raise StudioError("model.unsafe", name=self._name, what=key)
            for key in _ATTENTION_KEYS:
                # One for each part of a model, or one for all.
                if "/" in str(config.get(key, "")):
                    raise StudioError("model.unsafe", name=self._name, what=f"{key}: {config[key]}")
            if isinstance(config.get("_class_name"), list):  # a file beside it, and a class in that
                raise StudioError("model.unsafe", name=self._name, what="_class_name")
            for entry in config.values():
                self._refuse_keys(entry, depth + 1)

    def _refuse_pickles(self, folder: Place) -> None:
        for file in _files(folder):
            if headers.magic(file).startswith(headers.PICKLE_MAGICS):
                raise StudioError("model.unsafe", name=self._name, what=file.name)

    def _pair(self, value: list[Any]) -> tuple[Any, Any]:
        if len(value) != 2:
            raise StudioError("model.unrecognized", name=self._name, details=f"component {str(value)[:200]}")
        return value[0], value[1]

    def _family(self, kind: str, names: list[str]) -> FamilySpec:
        spec = self._match(kind, lambda layout: _best(layout, names))
        if spec is None:
            self._refuse(kind, names)
        return spec

    def _match(self, kind: str, score: Callable[[Layout], int]) -> FamilySpec | None:
        """The family whose layout of *kind* says most precisely that it fits; a score of 0 is no."""
        best, best_score = None, 0
        for spec in self._specs:
            for layout in spec.layouts:
                if layout.kind != kind:
                    continue
                fits = max(1, score(layout)) if self._treat else score(layout)
                if fits > best_score:
                    best, best_score, self.needs = spec, fits, layout.needs
        return best

    def _refuse(self, kind: str, names: list[str]) -> NoReturn:
        words = ", ".join(names[:8])[:300]
        raise StudioError("model.unrecognized", name=self._name, details=f"{kind}: {words}")


def _files(folder: P) -> list[P]:
    return sorted((file for file in folder.iterdir() if file.is_file()), key=lambda file: file.name)


def kind_of(file: Place) -> str | None:
    """ "gguf" or "safetensors" by how the file begins, None for any other. Raises OSError."""
    start = headers.magic(file)
    if start.startswith(gguf.MAGIC):
        return "gguf"
    length = int.from_bytes(start[:8], "little")
    if len(start) > 8 and start[8:9] == b"{" and length <= headers.MAX_SAFETENSORS_HEADER:
        return "safetensors"
    return None


def fits(spec: FamilySpec, kind: str, names: Iterable[str]) -> bool:
    """Does *spec* load files of *kind* that name one of *names*?"""
    return any(layout.kind == kind and _best(layout, names) for layout in spec.layouts)


def _best(layout: Layout, names: Iterable[str]) -> int:
    return max(
        (_weight(pattern) for pattern in layout.classes for name in names if fnmatchcase(name, pattern)),
        default=0,
    )


def _all_named(layout: Layout, tensors: dict[str, headers.Tensor]) -> int:
    if all(like(pattern, tensors) for pattern in layout.classes) and has(
        layout.shapes, layout.absent, tensors
    ):
        return sum(map(_weight, layout.classes))
    return 0


def _weight(pattern: str) -> int:
    return 1 + len(pattern.replace("*", ""))
