"""What a bundle is: a folder that carries the studio to a computer without a network, and what lies in it.

bundle.json   for which computers it is, and every file with its size and sha256; written last
program/      the studio, `program/installer/run.py` with it
wheels/       every package that it needs
models/       models, as they lie in a library
README.txt    how to go on
"""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath

from installer import machine, venv
from installer.copying import File, measure, reading
from installer.say import Problem

NAME = "bundle.json"
PROGRAM, WHEELS, MODELS, README = "program", "wheels", "models", "README.txt"
_FORMAT = 1
_NAMED = 3  # so many damaged files are named; more would say no more
_OLD_TAGS = {"manylinux1": "2.5", "manylinux2010": "2.12", "manylinux2014": "2.17"}


@dataclass(frozen=True)
class Bundle:
    """What `bundle.json` says. Paths in `files` and `models` are relative, with `/`."""

    system: str  # as in machine.Facts
    arch: str
    python: str  # "3.11"
    oldest: str  # the oldest C library (Linux) or macOS that the wheels allow; empty where there is none
    accelerator: str  # as in machine.Choice
    cpu: bool
    builds: dict[str, str]  # of torch and xllamacpp, as in the environment's stamp
    project: str  # as in environment.Wanted
    models: dict[str, str] = field(default_factory=dict)  # id -> folder
    files: dict[str, File] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files.values())

    def below(self, folder: str) -> dict[str, File]:
        """The files in *folder*, by their whole paths."""
        return {path: file for path, file in self.files.items() if path.startswith(f"{folder}/")}

    def check_suits(self) -> None:
        """Raises Problem when this computer or this Python is not what the bundle was made for."""
        facts = machine.read()
        here = f"{facts.system} {facts.arch}"
        wanted = f"{self.system} {self.arch}"
        if here != wanted:
            raise Problem("bundle.system", here=here, wanted=wanted)
        if venv.version() != self.python:
            raise Problem("bundle.python", here=venv.version(), wanted=self.python)
        if self.oldest and _number(system_version()) < _number(self.oldest):
            raise Problem("bundle.oldest", here=system_version() or "?", wanted=self.oldest)

    def verify(self, folder: Path, files: dict[str, File] | None = None) -> None:
        """Read every file, or *files*, of the bundle in *folder*. Raises Problem with the changed ones."""
        files = self.files if files is None else files
        wrong: list[str] = []
        with reading(sum(file.bytes for file in files.values())) as read:
            for path, file in files.items():
                try:
                    if measure(folder / path, read) != file:
                        wrong.append(path)
                except OSError:
                    wrong.append(path)
        if wrong:
            more = f" (+{len(wrong) - _NAMED})" if len(wrong) > _NAMED else ""
            raise Problem("bundle.changed", files=", ".join(wrong[:_NAMED]) + more, count=len(wrong))


# --------------------------------------------------------------------------------------- bundle.json


def begin(folder: Path) -> None:
    """Make *folder* one for a bundle, unfinished as yet. Raises Problem when other things lie there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()) and not (folder / NAME).exists():
            raise Problem("bundle.other", folder=folder)
        (folder / NAME).write_text(json.dumps({"format": _FORMAT}), encoding="utf-8")
    except OSError as error:
        raise Problem("bundle.write", path=folder, detail=error) from error


def write(folder: Path, bundle: Bundle) -> None:
    """Finish the bundle in *folder*. Raises OSError."""
    part = folder / f"{NAME}.part"
    part.write_text(json.dumps({"format": _FORMAT} | asdict(bundle), indent=1), encoding="utf-8")
    part.replace(folder / NAME)


def read(folder: Path) -> Bundle:
    """The finished bundle in *folder*. Raises Problem."""
    file = folder / NAME
    try:
        known = json.loads(file.read_text(encoding="utf-8"))
        if known.pop("format") != _FORMAT:
            raise Problem("bundle.format", folder=folder)
        if not known:
            raise Problem("bundle.unfinished", folder=folder)
        known["files"] = {_safe(path): File(**facts) for path, facts in known["files"].items()}
        known["models"] = {name: _safe(path) for name, path in known["models"].items()}
        return Bundle(**known)
    except FileNotFoundError as error:
        raise Problem("bundle.none", folder=folder) from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Problem("bundle.changed", files=NAME, count=1) from error


def _safe(path: str) -> str:
    """*path*, which must stay inside the folder. Raises ValueError."""
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or re.search(r"[\\:\0]", path):
        raise ValueError(path)
    return path


# ------------------------------------------------------------------------------- the system's age


def system_version() -> str:
    """Of the C library on Linux, of macOS on a Mac; empty when unknown or of no matter."""
    return platform.mac_ver()[0] or platform.libc_ver()[1]


def oldest_system(wheels: Iterable[str]) -> str:
    """The least `system_version` on which all *wheels*, by their file names, can be installed."""
    oldest = ""
    for wheel in wheels:
        tags = wheel.removesuffix(".whl").rsplit("-", 1)[-1].split(".")
        versions = [_OLD_TAGS.get(tag.split("_")[0], "") or _version_in(tag) for tag in tags]
        if all(versions):  # any of its tags is enough
            oldest = max(oldest, min(versions, key=_number), key=_number)
    return oldest


def _version_in(tag: str) -> str:
    found = re.match(r"(?:manylinux|macosx)_(\d+)_(\d+)_", tag)
    return f"{found[1]}.{found[2]}" if found else ""


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:2])
