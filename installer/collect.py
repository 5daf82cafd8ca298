"""`run.py --bundle DIR`: everything that another computer of this kind needs, put into one folder.

A second run into the same folder goes on where the first was stopped, and brings the folder up to date.
"""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path, PurePosixPath

from installer import builds, bundle, copying, environment, library, machine, packages, say, venv
from installer.bundle import Bundle
from installer.copying import File
from installer.library import Library, Model
from installer.say import Problem, human, plain, step, t
from installer.venv import PYTHON, ROOT

_LOG = "collect.log"
_OTHER_WHEELS = 0.8e9  # about, in bytes: all packages without torch and what only torch needs
_CHOICE = "choice.txt"
_NOTHING = File(0, "")


def collect(folder: Path, *, models: str | None, cpu: bool) -> None:
    """Fill *folder*. *models* as in Library.chosen; *cpu*: builds for the processor, whatever is here.

    Raises Problem.
    """
    here = Library.here()
    chosen = here.chosen(models)
    if absent := {name: model for name, model in chosen.items() if here.absent(name)}:
        library.fetch(absent)
        here = Library.here()
        chosen = {name: here.models[name] for name in chosen}
    choice = _choice(cpu=cpu)
    program = _program()
    size = sum(model.bytes for model in chosen.values()) + sum(file.stat().st_size for file in program)
    _check_disk(folder, size, choice)
    bundle.begin(folder)
    try:
        wheels, names = _wheels(folder / bundle.WHEELS, choice)
        paths = [f"{bundle.WHEELS}/{name}" for name in (*wheels, _CHOICE)]
        files = {path: copying.measure(folder / path) for path in paths}
        files |= _copy_program(folder, program)
        files |= _copy_models(folder / bundle.MODELS, chosen)
        _tidy(folder, files)
        made = Bundle(
            system=machine.read().system,
            arch=machine.read().arch,
            python=venv.version(),
            oldest=bundle.oldest_system(wheels),
            accelerator=choice.accelerator,
            cpu=choice.accelerator == "cpu",
            builds=names,
            project=environment.project(tests=False),
            models={name: f"{bundle.MODELS}/{model.folder}" for name, model in chosen.items()},
            files=files,
        )
        _explain(folder, made)
        bundle.write(folder, made)
    except OSError as error:
        raise Problem("bundle.write", path=folder, detail=error) from error
    step(
        "step.bundle",
        folder=folder,
        size=human(made.bytes),
        packages=len(wheels),
        models=", ".join(chosen) or "-",
    )
    plain(t("bundle.next", **_next(made)))


def _choice(*, cpu: bool) -> machine.Choice:
    """What was installed here, so that what is carried is what was tried; else what *cpu* asks for."""
    stamp = venv.read_stamp()
    choice = machine.choose(machine.complete(machine.read()), cpu=cpu or bool(stamp.get("cpu")))
    if cpu:
        return choice
    names = {package: str(stamp.get(package, "default")) for package in ("torch", "xllamacpp")}
    return replace(choice, **{name: () if build == "default" else (build,) for name, build in names.items()})


def _check_disk(folder: Path, size: int, choice: machine.Choice) -> None:
    """*size*: bytes of all but the packages."""
    torch = builds.size("download", choice.torch[0] if choice.torch else "default")
    there = sum(file.stat().st_size for file in copying.files_in(folder))
    needed = max(size + torch * 1e9 + _OTHER_WHEELS - there, 0.0)
    disk = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(disk).free
    step("step.disk", free=f"{free / 1e9:.1f}", needed=f"{needed / 1e9:.1f}")
    if free < needed:
        raise Problem("bundle.disk", folder=disk, free=human(free), needed=human(needed))


# ---------------------------------------------------------------------------------------- packages


def _wheels(folder: Path, choice: machine.Choice) -> tuple[list[str], dict[str, str]]:
    """The files in *folder* that pip would install from it alone, and the names of the builds."""
    step("step.builds")
    lines = environment.requirements(tests=False)
    found = builds.resolve(choice, lines, builds.Index.of(PYTHON))
    asked = list((lines | {"torch": found.torch, "xllamacpp": found.xllamacpp}).values())
    remembered = "\n".join(asked)
    mark, log = folder / _CHOICE, folder.parent / _LOG
    if folder.exists() and (not mark.exists() or mark.read_text(encoding="utf-8") != remembered):
        shutil.rmtree(folder)  # other builds, some by the same file names
    folder.mkdir(exist_ok=True)
    mark.write_text(remembered, encoding="utf-8")
    for wheel in folder.glob("*.whl"):
        if not packages.is_whole(wheel):
            wheel.unlink()
    step("step.collect", torch=found.torch, xllamacpp=found.names[1])
    packages.collect(PYTHON, asked, found.extra_indexes, folder, log=log)
    step("step.complete")
    offline = list((lines | {"torch": found.torch}).values())
    wheels = packages.choose(PYTHON, offline, folder, log=log)
    return wheels, {"torch": found.names[0], "xllamacpp": found.names[1]}


# ------------------------------------------------------------------------------- program and models


def _program() -> list[Path]:
    """The files of this checkout that the source distribution has too."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    patterns: list[str] = project["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    files = [ROOT / "pyproject.toml"]
    for pattern in patterns:
        for place in sorted(ROOT.glob(pattern.lstrip("/"))):
            files += copying.files_in(place) if place.is_dir() else [place]
    return files


def _copy_program(folder: Path, files: list[Path]) -> dict[str, File]:
    step("step.program")
    names = {f"{bundle.PROGRAM}/{file.relative_to(ROOT).as_posix()}": file for file in files}
    return {name: copying.copy(file, folder / name) for name, file in names.items()}


def _copy_models(folder: Path, chosen: dict[str, Model]) -> dict[str, File]:
    """Every file of them in *folder*. What an earlier run copied and is whole stays."""
    wanted = {model.folder for model in chosen.values()}
    for other in folder.glob("*"):
        if other.name not in wanted:
            shutil.rmtree(other)
    files: dict[str, File] = {}
    for name, model in chosen.items():
        step("step.model", model=name, size=human(model.bytes))
        found = _measured(folder / model.folder, model)
        if any(found.get(path, _NOTHING).sha256 != sha256 for path, sha256 in model.files.items()):
            shutil.rmtree(folder / model.folder, ignore_errors=True)
            library.export(name, folder)
            found = _measured(folder / model.folder, model)
        files |= {f"{folder.name}/{model.folder}/{path}": file for path, file in found.items()}
    return files


def _measured(folder: Path, model: Model) -> dict[str, File]:
    """By their paths in *folder*."""
    with copying.reading(model.bytes) as read:
        return {
            file.relative_to(folder).as_posix(): copying.measure(file, read)
            for file in copying.files_in(folder)
        }


def _tidy(folder: Path, files: Iterable[str]) -> None:
    """Take away what earlier runs put there and this one did not; nothing else that lies in *folder*."""
    ours = {bundle.WHEELS}
    ours |= {
        "/".join(PurePosixPath(path).parts[:2]) for path in files if path.startswith(f"{bundle.PROGRAM}/")
    }
    for place in ours:
        for file in copying.files_in(folder / place):
            if file.relative_to(folder).as_posix() not in files:
                file.unlink()


# ---------------------------------------------------------------------------------------- the end


def _explain(folder: Path, made: Bundle) -> None:
    """How to go on, in both languages, in a file beside what was collected."""
    told = [say.words("bundle.readme", language, **_next(made)) for language in say.LANGUAGES]
    (folder / bundle.README).write_text("\n\n".join(told) + "\n", encoding="utf-8")


def _next(made: Bundle) -> dict[str, object]:
    """What the other computer must be, and what to type there."""
    system = f"{made.system} {made.arch}"
    if made.oldest:
        system += f" ({'glibc' if made.system == 'Linux' else 'macOS'} ≥ {made.oldest})"
    models = sum(file.bytes for file in made.below(bundle.MODELS).values())
    program = "py" if made.system == "Windows" else f"python{made.python}"
    return {
        "system": system,
        "python": made.python,
        "disk": human(builds.size("disk", made.builds["torch"]) * 1e9 + models),
        "command": f"{program} {bundle.PROGRAM}/installer/run.py --from .",
    }
