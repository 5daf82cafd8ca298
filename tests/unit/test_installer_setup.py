"""The whole setup in a small project of its own, from an index in a folder: made, started, kept, mended."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fakes.small_project import INSTALLER, Project, make_wheels


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    base = tmp_path_factory.mktemp("setup")
    root = base / "工作室 with spaces"
    made = Project.make(root, make_wheels(base / "wheels"))
    done = made.run("--cpu", "first")
    assert done.returncode == 1, done.stderr  # the program's own, which counts its arguments
    made.first = done  # type: ignore[attr-defined]
    return made


def test_first_run_says_its_steps_and_starts_the_program(project: Project) -> None:
    done = project.first  # type: ignore[attr-defined]
    steps = [line for line in done.stderr.splitlines() if line.startswith("•")]
    assert len(steps) >= 6
    assert any("torch==2.13.0+cpu" in line for line in steps)
    answer = json.loads(done.stdout)
    assert answer["arguments"] == ["first"]
    assert shlex.split(answer["program"])[1:] == [str(project.root / "installer" / "run.py")]
    assert Path(answer["prefix"]) == project.root / ".venv"


def test_second_run_is_quick_and_silent(project: Project, tmp_path: Path) -> None:
    took = []
    for _ in range(3):  # the best of three, for other tests run beside this one
        began = time.monotonic()
        done = project.run("generate", "--cpu", "-o", "a b.png", folder=tmp_path)
        took.append(time.monotonic() - began)
    answer = json.loads(done.stdout)
    # Only what stands before the first word is the installer's; the user's folder stays the user's.
    assert answer["arguments"] == ["generate", "--cpu", "-o", "a b.png"]
    assert Path(answer["folder"]) == tmp_path
    assert done.returncode == 4
    assert done.stderr == ""
    assert min(took) < 2.0


def test_it_starts_under_a_locale_that_is_not_there(project: Project, tmp_path: Path) -> None:
    assert not str(project.root).isascii()
    python = project.root / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    environment = project.environment | {
        "LC_ALL": "xx_XX.UTF-8",
        "PYTHONCOERCECLOCALE": "0",
        "STUDIO_PROGRAM": "",
    }
    done = subprocess.run(
        [python, "-m", "studio"], env=environment, cwd=tmp_path, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_new_requirement_is_installed(project: Project) -> None:
    project.require("torch>=2.10,<2.14", "xllamacpp>=2026.10", "small>=2")
    done = project.run("again")
    assert json.loads(done.stdout)["arguments"] == ["again"], done.stderr
    assert list((project.root / ".venv").rglob("small-2.0.dist-info"))
    assert "•" not in project.run("again").stderr


def test_a_failed_step_says_what_and_what_to_do_and_mends(project: Project) -> None:
    project.require("torch>=2.10,<2.14", "xllamacpp>=2026.10", "small>=2", "nowhere-to-be-had")
    done = project.run("again")
    assert done.returncode == 1
    assert done.stdout == ""
    *_, what, remedy = done.stderr.splitlines()
    assert what.startswith("✗")
    assert "nowhere-to-be-had" in what
    assert remedy.strip().startswith("→")
    # Nor does the next run take the half-made environment for a whole one.
    assert project.run("again").returncode == 1
    project.require("torch>=2.10,<2.14", "xllamacpp>=2026.10", "small>=2")
    assert json.loads(project.run("again").stdout)["arguments"] == ["again"]


def test_no_window_without_a_display(project: Project) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM"):
        project.environment.pop(name, None)
    if sys.platform == "linux":
        done = project.run()
        assert done.returncode == 1
        assert "run.py demo" in done.stderr
    assert json.loads(project.run("demo").stdout)["arguments"] == ["demo"]


def test_a_broken_environment_is_made_anew(project: Project) -> None:
    python = project.root / ".venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    python.unlink()
    done = project.run("demo")
    assert json.loads(done.stdout)["arguments"] == ["demo"], done.stderr


def test_too_old_a_python_is_told_so() -> None:
    # Older syntax than the rest of the installer: the first statements must be readable to any Python 3.
    for name in ("run.py", "test.py"):
        source = (INSTALLER / name).read_text(encoding="utf-8")
        head = source[: source.index("sys.path.insert")].replace("(3, 11)", "(99, 0)")
        done = subprocess.run([sys.executable, "-c", head], capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert "Python 3.11" in done.stderr
