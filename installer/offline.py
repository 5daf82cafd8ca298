"""`run.py --from DIR`: set up from a bundle, with no network, after every file was checked."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path

from installer import builds, bundle, copying, environment, libraries, library, machine, packages, venv
from installer.bundle import Bundle
from installer.say import Problem, human, note, step
from installer.venv import PYTHON, ROOT


def install(folder: Path) -> Path:
    """Set this program up from the bundle in *folder*, its models too. Returns the environment's Python.

    What a run that was stopped had done is not done again. Raises Problem.
    """
    carried = bundle.read(folder)
    carried.check_suits()
    if carried.project != environment.project(tests=False):
        raise Problem(
            "bundle.project", program=folder / bundle.PROGRAM / "installer" / "run.py", folder=folder
        )
    facts = machine.complete(machine.read())
    _tell(facts, carried)
    _check_disk(carried)
    step("step.verify", number=len(carried.files), size=human(carried.bytes))
    carried.verify(folder)
    if facts.system == "Linux":
        libraries.prepare(tests=False, online=False)
    _set_up(folder, carried, facts)
    if carried.models:
        step("step.models", models=", ".join(carried.models))
        library.bring(folder / bundle.MODELS)
    step("step.ready")
    return PYTHON


def place_program(folder: Path, target: Path) -> Path:
    """Copy the program of the bundle in *folder* to *target*. Returns its `run.py` there. Raises Problem."""
    carried = bundle.read(folder)
    carried.check_suits()
    program = carried.below(bundle.PROGRAM)
    step("step.place", folder=target)
    carried.verify(folder, program)
    if target.exists() and any(target.iterdir()) and not (target / "installer" / "run.py").exists():
        raise Problem("bundle.other", folder=target)
    try:
        for path in program:
            copying.copy(folder / path, target / path.removeprefix(f"{bundle.PROGRAM}/"))
    except OSError as error:
        raise Problem("bundle.write", path=target, detail=error) from error
    return target / "installer" / "run.py"


def _tell(facts: machine.Facts, carried: Bundle) -> None:
    step(
        "step.machine",
        system=facts.system,
        arch=facts.arch,
        python=venv.version(),
        accelerator=carried.accelerator,
    )
    best = machine.choose(facts).accelerator
    if best not in (carried.accelerator, "cpu"):
        note("note.bundle.accelerator", here=best, bundle=carried.accelerator)


def _check_disk(carried: Bundle) -> None:
    """Where the program lies, and with it the models if their folder will be on the same disk."""
    needed = 2.0 if venv.read_stamp() else builds.size("disk", carried.builds["torch"])
    home = Path(os.environ.get("STUDIO_HOME") or Path.home())
    home = next(place for place in (home, *home.absolute().parents) if place.exists())
    if home.stat().st_dev == ROOT.stat().st_dev:
        needed += sum(file.bytes for file in carried.below(bundle.MODELS).values()) / 1e9
    environment.check_disk(needed)


def _set_up(folder: Path, carried: Bundle, facts: machine.Facts) -> None:
    stamp = venv.read_stamp()
    wheels = {
        path.removeprefix(f"{bundle.WHEELS}/"): file.sha256
        for path, file in carried.below(bundle.WHEELS).items()
        if path.endswith(".whl")
    }
    wanted = environment.Wanted.now(facts, cpu=carried.cpu, tests=False)
    whole = asdict(wanted) | carried.builds | {"bundle": environment.hash_of("\n".join(wheels.values()))}
    if PYTHON.exists() and stamp == whole:
        return
    venv.make(online=False)
    venv.STAMP.unlink(missing_ok=True)
    environment.forget_other_builds(stamp, carried.builds)
    step("step.carried", number=len(wheels))
    packages.install_from(PYTHON, folder / bundle.WHEELS, wheels, log=venv.LOG)
    venv.point_at_project()
    if trouble := venv.try_out(carried.accelerator):
        note("note.bundle.llama", build=carried.builds["xllamacpp"], detail=trouble[-200:])
    venv.write_stamp(whole)
