"""What the virtual environment must be, and known to be by a stamp, so that a second run is quick."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import tomllib
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from installer import builds, libraries, machine, packages, venv
from installer.say import Problem, note, step
from installer.venv import PYTHON, ROOT


@dataclass(frozen=True)
class Wanted:
    """What an environment must be. It is as wanted when its stamp says the same.

    The stamp also has the builds of torch and xllamacpp, and `bundle` when they came from one.
    """

    project: str  # hash of the requirements in pyproject.toml
    root: str
    python: str  # "3.11"
    hardware: str  # hash of what was found
    cpu: bool
    tests: bool

    @classmethod
    def now(cls, facts: machine.Facts, *, cpu: bool, tests: bool) -> Wanted:
        """For this checkout, this Python and this computer."""
        return cls(project(tests=tests), str(ROOT), venv.version(), hash_of(facts.signature()), cpu, tests)


def ensure(*, tests: bool = False, cpu: bool = False, recreate: bool = False) -> Path:
    """Make `.venv` fit, if it does not yet. Returns its Python. Raises Problem.

    A choice of *cpu* holds until *recreate*, so that a plain second run does not undo it; so do the tests.
    """
    stamp = {} if recreate else venv.read_stamp()
    facts = machine.read()
    wanted = Wanted.now(facts, cpu=cpu or bool(stamp.get("cpu")), tests=tests or bool(stamp.get("tests")))
    if "bundle" in stamp:  # its builds are what there is, whatever hardware is found
        wanted = replace(wanted, hardware=str(stamp["hardware"]))
    if not PYTHON.exists() or not asdict(wanted).items() <= stamp.items():
        _set_up(wanted, facts, stamp, recreate=recreate)
    return PYTHON


def requirements(*, tests: bool) -> dict[str, str]:
    """The project's requirements by lower-case name, as `pyproject.toml` has them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines: list[str] = project["dependencies"] + (project["optional-dependencies"]["test"] if tests else [])
    return {packages.name_of(line): line for line in lines}


def project(*, tests: bool) -> str:
    """A hash that changes with the requirements."""
    return hash_of("\n".join(requirements(tests=tests).values()))


def _set_up(wanted: Wanted, facts: machine.Facts, stamp: dict[str, object], *, recreate: bool) -> None:
    facts = machine.complete(facts)
    choice = machine.choose(facts, cpu=wanted.cpu)
    step(
        "step.machine",
        system=facts.system,
        arch=facts.arch,
        python=venv.version(),
        accelerator=choice.accelerator,
    )
    for key in choice.notes:
        note(key, driver=facts.nvidia_driver)
    check_disk(2.0 if stamp else builds.size("disk", choice.torch[0] if choice.torch else "default"))
    if facts.system == "Linux":
        libraries.prepare(tests=wanted.tests)
    venv.make(recreate=recreate)
    _check_connection()

    # From here until the end the environment is in between: a run that breaks off starts over.
    venv.STAMP.unlink(missing_ok=True)
    step("step.builds")
    lines = requirements(tests=wanted.tests)
    found = builds.resolve(choice, lines, builds.Index.of(PYTHON))
    names = {"torch": found.names[0], "xllamacpp": found.names[1]}
    forget_other_builds(stamp, names)
    step("step.install", torch=found.torch, xllamacpp=found.names[1])
    packages.install(
        PYTHON,
        list((lines | {"torch": found.torch, "xllamacpp": found.xllamacpp}).values()),
        found.extra_indexes,
        log=venv.LOG,
    )
    venv.point_at_project()
    venv.write_stamp(asdict(wanted) | _settle(choice, lines, names))
    step("step.ready")


def forget_other_builds(stamp: dict[str, object], names: dict[str, str]) -> None:
    """Uninstall what is of another build than *names*: pip takes builds of one version for the same."""
    changed = [package for package, name in names.items() if stamp.get(package, name) != name]
    if changed:
        packages.uninstall(PYTHON, changed)


def check_disk(needed: float) -> None:
    """Raises Problem when less than *needed* GB are free for this checkout, or too little to unpack in."""
    free = shutil.disk_usage(ROOT).free / 1e9
    step("step.disk", free=f"{free:.1f}", needed=f"{needed:.0f}")
    if free < needed:
        raise Problem("disk", folder=ROOT, free=f"{free:.1f}", needed=f"{needed:.0f}")
    temporary = Path(tempfile.gettempdir())
    room = shutil.disk_usage(temporary).free / 1e9
    largest = 1.0  # the largest single wheel is unpacked from there
    if room < largest and temporary.stat().st_dev != ROOT.stat().st_dev:
        raise Problem("disk.temporary", folder=temporary, free=f"{room:.1f}", needed=f"{largest:.0f}")


def _check_connection() -> None:
    """One connection to the first index before pip, which would try an unreachable one for over a minute."""
    addresses = builds.configured_addresses(PYTHON)
    if addresses and not builds.reachable(addresses[0]):
        raise Problem(
            "connection", address=builds.host_of(addresses[0]), seconds=f"{builds.CONNECT_SECONDS:.0f}"
        )


def _settle(choice: machine.Choice, lines: dict[str, str], names: dict[str, str]) -> dict[str, str]:
    """Import what was installed; a build of llama.cpp that does not start gives way to the default one.

    *names*: the builds of torch and xllamacpp; returned as they are afterwards.
    """
    trouble = venv.try_out(choice.accelerator)
    if not trouble:
        return names
    if names["xllamacpp"] == "default":
        raise Problem("try", detail=trouble[-400:])
    note("note.llama.default", build=names["xllamacpp"], detail=trouble[-200:])
    packages.uninstall(PYTHON, ["xllamacpp"])
    packages.install(PYTHON, [lines["xllamacpp"]], (), log=venv.LOG)
    return names | {"xllamacpp": "default"}


def hash_of(text: str) -> str:
    """Of settings and lists, to see whether they are still the same."""
    return hashlib.sha256(text.encode()).hexdigest()
