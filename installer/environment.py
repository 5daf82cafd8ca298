"""The virtual environment: made, filled, and known to be right by a stamp, so that a second run is quick."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path

from installer import builds, libraries, machine, packages
from installer.say import Problem, note, step

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
STAMP = VENV / "studio-setup.json"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

# Imports both, and says what they found. Runs once after an installation, where waiting is expected.
_TRY = """
import json, sys
found = {"torch": "", "accelerator": False, "xllamacpp": ""}
try:
    import torch
    found["accelerator"] = any(each.is_available() for each in (torch.cuda, torch.xpu, torch.backends.mps))
except Exception as error:
    found["torch"] = f"{type(error).__name__}: {error}"
try:
    import xllamacpp
except Exception as error:
    found["xllamacpp"] = f"{type(error).__name__}: {error}"
json.dump(found, sys.stdout)
"""


@dataclass(frozen=True)
class Wanted:
    """What an environment must be. It is as wanted when its stamp says the same."""

    project: str  # hash of the requirements in pyproject.toml
    root: str
    python: str  # "3.11"
    hardware: str  # hash of what was found
    cpu: bool
    tests: bool

    @classmethod
    def now(cls, facts: machine.Facts, *, cpu: bool, tests: bool) -> Wanted:
        """For this checkout, this Python and this computer."""
        lines = "\n".join(requirements(tests=tests).values())
        return cls(_hash(lines), str(ROOT), _version(), _hash(facts.signature()), cpu, tests)


def ensure(*, tests: bool = False, cpu: bool = False, recreate: bool = False) -> Path:
    """Make `.venv` fit, if it does not yet. Returns its Python. Raises Problem.

    A choice of *cpu* holds until *recreate*, so that a plain second run does not undo it; so do the tests.
    """
    stamp = {} if recreate else read_stamp()
    facts = machine.read()
    wanted = Wanted.now(facts, cpu=cpu or bool(stamp.get("cpu")), tests=tests or bool(stamp.get("tests")))
    if not PYTHON.exists() or not asdict(wanted).items() <= stamp.items():
        _set_up(wanted, facts, stamp, recreate=recreate)
    return PYTHON


def read_stamp() -> dict[str, object]:
    """What the last completed setup wrote; empty when there was none."""
    try:
        return json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def requirements(*, tests: bool) -> dict[str, str]:
    """The project's requirements by lower-case name, as `pyproject.toml` has them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines: list[str] = project["dependencies"] + (project["optional-dependencies"]["test"] if tests else [])
    return {packages.name_of(line): line for line in lines}


def _set_up(wanted: Wanted, facts: machine.Facts, stamp: dict[str, object], *, recreate: bool) -> None:
    facts = machine.complete(facts)
    choice = machine.choose(facts, cpu=wanted.cpu)
    step(
        "step.machine",
        system=facts.system,
        arch=facts.arch,
        python=_version(),
        accelerator=choice.accelerator,
    )
    for key in choice.notes:
        note(key, driver=facts.nvidia_driver)
    _check_disk(choice.torch[0] if choice.torch else "default", filled=bool(stamp))
    if facts.system == "Linux":
        libraries.prepare(tests=wanted.tests)
    _make(recreate=recreate)
    _check_connection()

    # From here until the end the environment is in between: a run that breaks off starts over.
    STAMP.unlink(missing_ok=True)
    step("step.builds")
    lines = requirements(tests=wanted.tests)
    found = builds.resolve(choice, lines, builds.Index.of(PYTHON))
    names = {"torch": found.names[0], "xllamacpp": found.names[1]}
    changed = [package for package, name in names.items() if stamp.get(package, name) != name]
    if changed:
        packages.uninstall(PYTHON, changed)
    step("step.install", torch=found.torch, xllamacpp=found.names[1])
    packages.install(
        PYTHON,
        list((lines | {"torch": found.torch, "xllamacpp": found.xllamacpp}).values()),
        found.extra_indexes,
        log=VENV / "install.log",
    )
    _point_at_project()
    names |= _try_out(choice, lines, names)
    STAMP.write_text(json.dumps(asdict(wanted) | names, indent=1), encoding="utf-8")
    step("step.ready")


def _check_disk(build: str, *, filled: bool) -> None:
    """*filled*: an environment is there and is only brought up to date."""
    needed = 2.0 if filled else builds.size("disk", build)
    free = shutil.disk_usage(ROOT).free / 1e9
    step("step.disk", free=f"{free:.1f}", needed=f"{needed:.0f}")
    if free < needed:
        raise Problem("disk", folder=ROOT, free=f"{free:.1f}", needed=f"{needed:.0f}")
    temporary = Path(tempfile.gettempdir())
    room = shutil.disk_usage(temporary).free / 1e9
    largest = 1.0  # the largest single wheel is unpacked from there
    if room < largest and temporary.stat().st_dev != ROOT.stat().st_dev:
        raise Problem("disk.temporary", folder=temporary, free=f"{room:.1f}", needed=f"{largest:.0f}")


def _make(*, recreate: bool) -> None:
    """An empty environment of this Python, unless a working one is there."""
    if VENV.exists() and (recreate or not _works()):
        step("step.remove", folder=VENV.name)
        try:
            shutil.rmtree(VENV)
        except OSError as error:
            raise Problem("venv.busy", folder=VENV, detail=error) from error
    if VENV.exists():
        return
    step("step.venv", folder=VENV.name)
    done = _create()
    if (
        done.returncode != 0
        and "ensurepip" in done.stdout
        and sys.platform == "linux"
        and libraries.can_install()
    ):
        libraries.install([f"python{_version()}-venv"])
        shutil.rmtree(VENV, ignore_errors=True)
        done = _create()
    if done.returncode != 0:
        shutil.rmtree(VENV, ignore_errors=True)
        code = "venv.ensurepip" if "ensurepip" in done.stdout else "venv"
        raise Problem(code, python=_version(), detail=(done.stderr or done.stdout).strip()[-400:])


def _create() -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "venv", VENV],
        capture_output=True,
        text=True,
        check=False,
        env=packages.environment(),
    )


def _works() -> bool:
    """Whether the environment's Python starts, has pip and is of the version that runs this."""
    look = "import sys, pip; print('%d.%d' % sys.version_info[:2])"
    try:
        done = subprocess.run([PYTHON, "-c", look], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.stdout.strip() == _version()


def _check_connection() -> None:
    """One connection to the first index before pip, which would try an unreachable one for over a minute."""
    addresses = builds.configured_addresses(PYTHON)
    if addresses and not builds.reachable(addresses[0]):
        raise Problem(
            "connection", address=builds.host_of(addresses[0]), seconds=f"{builds.CONNECT_SECONDS:.0f}"
        )


def _point_at_project() -> None:
    """Let the environment's Python import the studio from this checkout, in whatever folder it is started."""
    look = "import sysconfig; print(sysconfig.get_path('purelib'))"
    done = subprocess.run([PYTHON, "-c", look], capture_output=True, text=True, check=True)
    Path(done.stdout.strip(), "aigc-studio.pth").write_text(f"{ROOT}\n", encoding=_pth_encoding())


def _pth_encoding() -> str:
    # Python reads these files as UTF-8 since 3.13, before that in the encoding of the locale.
    return "utf-8" if sys.version_info >= (3, 13) or os.name != "nt" else "locale"


def _try_out(choice: machine.Choice, lines: dict[str, str], names: dict[str, str]) -> dict[str, str]:
    """Import what was installed. Returns the names of builds that had to be replaced."""
    step("step.try")
    done = subprocess.run([PYTHON, "-c", _TRY], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Problem("try", detail=(done.stderr or str(done.returncode)).strip()[-400:])
    found = json.loads(done.stdout.splitlines()[-1])
    if found["torch"]:
        raise Problem("try", detail=found["torch"][-400:])
    if choice.accelerator != "cpu" and not found["accelerator"]:
        note("note.accelerator.absent", accelerator=choice.accelerator)
    if not found["xllamacpp"]:
        return {}
    if names["xllamacpp"] == "default":
        raise Problem("try", detail=found["xllamacpp"][-400:])
    note("note.llama.default", build=names["xllamacpp"], detail=found["xllamacpp"][-200:])
    packages.uninstall(PYTHON, ["xllamacpp"])
    packages.install(PYTHON, [lines["xllamacpp"]], (), log=VENV / "install.log")
    return {"xllamacpp": "default"}


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _version() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"
