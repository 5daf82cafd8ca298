"""What `pip install .` would bring: the studio, its data, and the command."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from studio import __version__


@pytest.mark.heavy
def test_the_wheel_holds_the_program_and_its_data(tmp_path: Path, root: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "-w", tmp_path, root], check=True, capture_output=True)
    (wheel,) = tmp_path.glob(f"aigc_studio-{__version__}-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (commands,) = [name for name in names if name.endswith("entry_points.txt")]
        assert "studio = studio.__main__:main" in archive.read(commands).decode()
    # Data lies beside the package, where the code looks for it in a checkout too.
    for folder in ("studio", "assets", "models_manifest"):
        here = {
            file.relative_to(root).as_posix()
            for file in (root / folder).rglob("*")
            if file.is_file() and "__pycache__" not in file.parts
        }
        assert here
        assert here <= names
    assert not any(name.startswith(("tests/", "installer/")) for name in names)
