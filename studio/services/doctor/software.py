"""Software: Python and packages within the ranges that the studio is made for."""

from __future__ import annotations

import importlib.metadata
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from studio.domain.diagnosis import Finding, fail, passed, skipped, warn
from studio.services.doctor.case import Case, Declared

DISTRIBUTION = "aigc-studio"


def declared(program: Path) -> Declared:
    """From the checkout at *program*, else from what was installed; empty where neither says.

    Raises OSError, ValueError for a file that cannot be read.
    """
    file = program / "pyproject.toml"
    if file.is_file():
        project = tomllib.loads(file.read_text(encoding="utf-8")).get("project", {})
        if project.get("name") == DISTRIBUTION:
            packages = tuple(project.get("dependencies", ()))
            return Declared(python=project.get("requires-python", ""), packages=packages)
    try:
        about = importlib.metadata.metadata(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return Declared()
    packages = tuple(importlib.metadata.requires(DISTRIBUTION) or ())
    return Declared(python=str(about.json.get("requires_python") or ""), packages=packages)


def python(case: Case) -> Finding:
    """Whether this is a Python that the studio is made for."""
    version, wanted = case.machine.python, case.declared.python
    if not version or not wanted:
        return skipped("doctor.software.unknown")
    if not SpecifierSet(wanted).contains(version, prereleases=True):
        return fail("doctor.software.python.other", "doctor.software.install", version=version, wanted=wanted)
    return passed("doctor.software.python.fits", version=version)


def versions(case: Case) -> Finding:
    """Whether every package that matters is there, neither too old nor too new."""
    missing: list[str] = []
    other: list[str] = []
    for text in case.declared.packages:
        wanted = Requirement(text)
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        version = case.version(wanted.name)
        if not version:
            missing.append(wanted.name)
        elif not wanted.specifier.contains(version, prereleases=True):
            other.append(f"{wanted.name} {version} ({wanted.specifier})")
    if missing:
        return fail("doctor.software.versions.missing", "doctor.software.install", names=", ".join(missing))
    if other:
        return warn("doctor.software.versions.other", "doctor.software.install", names=", ".join(other))
    if not case.declared.packages:
        return skipped("doctor.software.unknown")
    return passed("doctor.software.versions.fit", n=len(case.declared.packages))


def kernels(case: Case) -> Finding:
    """Whether a package is there that lets libraries fetch and run compiled code by themselves."""
    version = case.version("kernels")
    if version:
        return warn("doctor.software.kernels.there", "doctor.software.kernels.remove", version=version)
    return passed("doctor.software.kernels.absent")


CHECKS = {"python": python, "versions": versions, "kernels": kernels}
