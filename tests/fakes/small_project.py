"""A small checkout with the real installer: it requires three tiny packages, from wheels in a folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

INSTALLER = Path(__file__).parents[2] / "installer"
TORCH = """
class _None:
    @staticmethod
    def is_available(): return False
cuda = xpu = _None
class backends: mps = _None
"""
STUDIO = """
import json, os, sys
import torch, small
print(json.dumps({"arguments": sys.argv[1:], "folder": os.getcwd(), "prefix": sys.prefix,
    "program": os.environ["STUDIO_PROGRAM"]}))
sys.exit(len(sys.argv) - 1)
"""
REQUIREMENTS = ("torch>=2.10,<2.14", "xllamacpp>=2026.10", "small<2")


def make_wheel(folder: Path, name: str, version: str, code: str = "") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as archive:
        archive.writestr(f"{name}.py", code)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")


def make_wheels(folder: Path) -> Path:
    """What `REQUIREMENTS` ask for, with a build of torch that must not be taken and a newer `small`."""
    make_wheel(folder, "torch", "2.13.0", "raise RuntimeError('the build for another computer')")
    make_wheel(folder, "torch", "2.13.0+cpu", TORCH)
    make_wheel(folder, "xllamacpp", "2026.10.1")
    make_wheel(folder, "small", "1.0")
    make_wheel(folder, "small", "2.0")
    return folder


class Project:
    """The checkout in *root*, made on first use, and the environment to run its installer in."""

    def __init__(self, root: Path, links: Path) -> None:
        self.root = root
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PIP_", "LC_", "LANG", "PYTHONPATH"))
        } | {
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(links),
            "DISPLAY": ":0",
        }

    @classmethod
    def make(cls, root: Path, links: Path) -> Project:
        """A whole one in the empty folder *root*, that has yet to be set up."""
        shutil.copytree(INSTALLER, root / "installer", ignore=shutil.ignore_patterns("__pycache__"))
        (root / "assets").mkdir()
        shutil.copy(INSTALLER.parent / "assets" / "libraries.json", root / "assets")
        (root / "studio").mkdir()
        (root / "studio" / "__init__.py").write_text("")
        (root / "studio" / "__main__.py").write_text(STUDIO)
        made = cls(root, links)
        made.require(*REQUIREMENTS)
        return made

    def require(self, *lines: str) -> None:
        project = f"[project]\nname = 'p'\nversion = '1'\ndependencies = {json.dumps(list(lines))}\n"
        project += "[project.optional-dependencies]\ntest = []\n"
        project += (
            "[tool.hatch.build.targets.sdist]\ninclude = ['/studio', '/assets', '/installer', '/*.md']\n"
        )
        (self.root / "pyproject.toml").write_text(project, encoding="utf-8")

    def run(self, *arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, self.root / "installer" / "run.py", *arguments],
            cwd=folder or self.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
