"""The virtual environment as a folder: made, pointed at this checkout, tried out."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from installer import libraries, packages
from installer.say import Problem, note, step

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
STAMP = VENV / "studio-setup.json"
LOG = VENV / "install.log"
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


def read_stamp() -> dict[str, object]:
    """What the last completed setup wrote; empty when there was none."""
    try:
        return json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def write_stamp(stamp: Mapping[str, object]) -> None:
    """Say that the environment is whole, and what it is."""
    STAMP.write_text(json.dumps(stamp, indent=1), encoding="utf-8")


def version() -> str:
    """Of the Python that runs this, "3.11"."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def make(*, recreate: bool = False, online: bool = True) -> None:
    """An empty environment of this Python, unless a working one is there. Raises Problem.

    *online*: what the system lacks for it may be fetched.
    """
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
    without_pip = "ensurepip" in done.stdout
    if done.returncode != 0 and without_pip and online and libraries.can_install():
        libraries.install([f"python{version()}-venv"])
        shutil.rmtree(VENV, ignore_errors=True)
        done = _create()
    if done.returncode != 0:
        shutil.rmtree(VENV, ignore_errors=True)
        code = "venv.ensurepip" if "ensurepip" in done.stdout else "venv"
        raise Problem(code, python=version(), detail=(done.stderr or done.stdout).strip()[-400:])


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
    return done.stdout.strip() == version()


def point_at_project() -> None:
    """Let the environment's Python import the studio from this checkout, in whatever folder it is started."""
    look = "import sysconfig; print(sysconfig.get_path('purelib'))"
    done = subprocess.run([PYTHON, "-c", look], capture_output=True, text=True, check=True)
    # Such a file is read in the encoding of the locale, which may know no more than ASCII: so it is a line of
    # code in which every other character is escaped.
    line = f"import sys; sys.path.append({str(ROOT)!a})\n"
    Path(done.stdout.strip(), "aigc-studio.pth").write_text(line, encoding="ascii")


def try_out(accelerator: str) -> str:
    """Import what was installed to compute on *accelerator*.

    Returns what xllamacpp says when it does not start, else nothing. Raises Problem for torch.
    """
    step("step.try")
    done = subprocess.run([PYTHON, "-c", _TRY], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Problem("try", detail=(done.stderr or str(done.returncode)).strip()[-400:])
    found = json.loads(done.stdout.splitlines()[-1])
    if found["torch"]:
        raise Problem("try", detail=found["torch"][-400:])
    if accelerator != "cpu" and not found["accelerator"]:
        note("note.accelerator.absent", accelerator=accelerator)
    return found["xllamacpp"]
