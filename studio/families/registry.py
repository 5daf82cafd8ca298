"""Finds the families by looking into the folder: adding one is adding a folder."""

from __future__ import annotations

import importlib
import importlib.util
from functools import cache
from pathlib import Path
from types import ModuleType

import studio.families
from studio.domain import late
from studio.domain.failure import StudioError
from studio.domain.family import FamilySpec


@cache
def families() -> dict[str, FamilySpec]:
    """Every family by name. Raises ValueError when a folder's name and its spec's differ."""
    found: dict[str, FamilySpec] = {}
    folders = map(Path, studio.families.__path__)
    for file in sorted(file for folder in folders for file in folder.glob("*/spec.py")):
        name = file.parent.name
        spec: FamilySpec = importlib.import_module(f"studio.families.{name}.spec").SPEC
        if spec.name != name:
            raise ValueError(f"families/{name}/spec.py names itself {spec.name}")
        found[name] = spec
    return found


def family(name: str) -> FamilySpec:
    """Raises StudioError `model.unrecognized` when this version has no such family."""
    try:
        return families()[name]
    except KeyError:
        raise StudioError("model.unrecognized", name=name) from None


def cost(name: str) -> ModuleType | None:
    """The family's `cost` module, which counts what a request takes; None where it has none. Pure."""
    family(name)
    module = f"studio.families.{name}.cost"
    return importlib.import_module(module) if importlib.util.find_spec(module) else None


def measure(name: str) -> ModuleType | None:
    """The family's `measure` module, its own part of the micro-benchmark. For the engine only.

    It has `measure(bench)`, which returns `Measurements.own`'s seconds by key, and `SECONDS` that this may
    take. None where it has none.
    """
    family(name)
    module = f"studio.families.{name}.measure"
    return importlib.import_module(module) if importlib.util.find_spec(module) else None


def single_file(name: str) -> ModuleType | None:
    """The family's `single_file` module, which turns one file into a folder and back. For the engine only.

    It has `unpack(file, folder, progress)` and `pack(folder, file, progress)`, which raise ValueError for
    what has no such form. None where the family has none.
    """
    family(name)
    module = f"studio.families.{name}.single_file"
    return importlib.import_module(module) if importlib.util.find_spec(module) else None


def pipeline(name: str) -> ModuleType:
    """The family's `pipeline` module, with its heavy imports. For the engine only."""
    family(name)
    late.hide()
    return importlib.import_module(f"studio.families.{name}.pipeline")


def versions() -> dict[str, str]:
    """The installed versions of what the families compute with, by distribution."""
    names = {"torch", *(library for spec in families().values() for library in spec.libraries)}
    return {name: version for name in sorted(names) if (version := version_of(name))}


@cache
def version_of(distribution: str) -> str:
    """Its installed version, empty if it is not installed."""
    from importlib import metadata  # takes a while, and the window's first picture needs no versions

    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""
