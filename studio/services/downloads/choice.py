"""Which files of a repository make one model, by their names: one variant, no copies in other formats."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, cast

from msgspec import Struct

from studio.domain.failure import StudioError
from studio.domain.remote import Variant
from studio.services.library.place import variants, weights

INDEX = "model_index.json"
SMALL = (".json", ".txt", ".model", ".jinja")
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")

# Which of several quantizations to take when none is named: the best for its size first.
_PREFERRED = ("Q4_K_M", "Q4_K_S", "IQ4_XS", "Q4_0", "Q5_K_M", "Q6_K", "Q8_0")
_QUANTIZATION = re.compile(r"(?:^|[-_.])((?:UD-)?(?:I?Q\d|TQ\d|BF16|F16|F32|FP16|MXFP4)\w*)$", re.IGNORECASE)
_SHARD = re.compile(r"-\d{5}-of-\d{5}$")
_BESIDE = ("mmproj", "imatrix")  # GGUF files that go with a model and are none


class Choice(Struct, frozen=True, kw_only=True):
    """`start` is the file that stands for the model, "" the whole folder."""

    start: str
    paths: tuple[str, ...]
    variant: str = ""
    variants: tuple[Variant, ...] = ()


def choose(name: str, sizes: Mapping[str, int], index: Mapping[str, Any] | None, wanted: str) -> Choice:
    """Of the files with their *sizes*; *index* is the content of model_index.json where there is one.

    *wanted*: a variant, "" the usual one. Raises StudioError `model.missing_file` when *name* has it not.
    """
    root = [path for path in sizes if "/" not in path]
    has_weights = any(path.endswith(".safetensors") for path in root)
    ggufs = [path for path in sizes if path.endswith(".gguf") and not any(word in path for word in _BESIDE)]
    if index is not None:
        return _folders(name, sizes, [INDEX], _components(index), wanted)
    if has_weights and "config.json" in sizes:
        return _folders(name, sizes, [], [""], wanted)
    if ggufs:
        return _one_of(name, sizes, _quantizations(ggufs), wanted)
    if has_weights:
        files = {path: [path] for path in root if path.endswith(".safetensors")}
        return _one_of(name, sizes, files, wanted)
    return Choice(start="", paths=tuple(path for path in root if path.endswith((*SMALL, *PICKLES))))


def _components(index: Mapping[str, Any]) -> list[str]:
    """The folders that model_index.json names."""
    return [
        folder
        for folder, value in index.items()
        if isinstance(value, list) and any(cast("list[Any]", value)) and "/" not in folder
    ]


def _folders(
    name: str, sizes: Mapping[str, int], always: list[str], folders: list[str], wanted: str
) -> Choice:
    there = {folder: _within(sizes, folder) for folder in folders}
    kinds = set[str]().union(*(variants(names) for names in there.values()))
    if wanted and wanted not in kinds:
        raise StudioError("model.missing_file", name=name, file=wanted)
    usual = "" if "" in kinds or not kinds else min(kinds)

    def paths(kind: str) -> tuple[str, ...]:
        found = [
            f"{folder}/{file}" if folder else file
            for folder, names in there.items()
            for file in _of_variant(names, kind)
        ]
        return (*always, *found)

    every = {kind: sum(sizes[path] for path in paths(kind)) for kind in sorted(kinds)}
    several = tuple(Variant(name=kind, bytes=size) for kind, size in every.items()) if len(every) > 1 else ()
    return Choice(start="", paths=paths(wanted or usual), variant=wanted or usual, variants=several)


def _within(sizes: Mapping[str, int], folder: str) -> list[str]:
    prefix = f"{folder}/" if folder else ""
    inside = (path.removeprefix(prefix) for path in sizes if path.startswith(prefix))
    return [path for path in inside if "/" not in path]


def _of_variant(names: list[str], kind: str) -> list[str]:
    """The small files and the weights; without weights the pickles, so that they are seen and refused."""
    loaded = weights(names, kind)
    sharded = any("-of-" in file for file in loaded) and variants(loaded) <= {""}
    small = [
        file
        for file in names
        if file.endswith(SMALL) and (sharded or not file.endswith(".safetensors.index.json"))
    ]
    return small + (loaded or [file for file in names if file.endswith(PICKLES)])


def _quantizations(paths: Iterable[str]) -> dict[str, list[str]]:
    """The files of each model by the name of its quantization, or its own where two have the same."""
    models: dict[str, list[str]] = {}
    for path in sorted(paths):
        models.setdefault(_SHARD.sub("", path.removesuffix(".gguf")), []).append(path)
    names = {stem: match[1].upper() for stem in models if (match := _QUANTIZATION.search(stem))}
    taken = list(names.values())
    return {
        names[stem] if stem in names and taken.count(names[stem]) == 1 else stem: files
        for stem, files in models.items()
    }


def _one_of(name: str, sizes: Mapping[str, int], models: dict[str, list[str]], wanted: str) -> Choice:
    every = {kind: sum(sizes[path] for path in paths) for kind, paths in models.items()}
    if wanted:
        same = [kind for kind in models if wanted.upper() == kind.upper() or wanted in models[kind]]
        if not same:
            raise StudioError("model.missing_file", name=name, file=wanted)
        chosen = same[0]
    else:
        usual = (kind for kind in _PREFERRED if kind in every)
        chosen = next(usual, min(every, key=lambda kind: (every[kind], kind)))
    several = tuple(Variant(name=kind, bytes=size) for kind, size in every.items()) if len(every) > 1 else ()
    paths = tuple(models[chosen])
    return Choice(start=paths[0], paths=paths, variant=chosen if several else "", variants=several)
