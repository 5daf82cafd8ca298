"""Takes the studio away: says first what would go, asks separately about what cannot be had back."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

from installer import shortcut
from installer.say import Problem, ask, human, note, plain, step, t
from installer.venv import PYTHON, VENV

# Asked of the studio itself, for where its folders are is its rule. Folders that the user named in the
# settings are not among them: there may be other things of the user's in those.
_ASK = """
import json
from studio.services.paths import Paths
paths = Paths.default()
print(json.dumps({name: str(getattr(paths, name)) for name in paths.__struct_fields__}))
"""


def uninstall() -> int:
    """List, ask, remove. The downloaded program folder itself stays: it is the user's to delete."""
    folders = studio_folders()
    models, results = folders.pop("models", None), folders.pop("outputs", None)
    program = [path for path in (VENV, *shortcut.existing()) if path.exists()]
    own = [path for path in dict.fromkeys(folders.values()) if path.exists()]
    if not folders:
        note("note.folders.unknown")
    if not program and not own and not _there(models) and not _there(results):
        step("uninstall.nothing")
        return 0
    if program or own:
        plain(t("uninstall.list"))
        for path in (*program, *own):
            plain(f"    {path}  ({human(size_of(path, leave=models))})")
        if ask("uninstall.ask"):
            for path in (*own, *program):
                remove(path, leave=[each for each in (models, results) if each is not None])
    for path, key in ((models, "uninstall.models"), (results, "uninstall.results")):
        if path is None or not _there(path):
            continue
        if ask(key, folder=path, size=human(size_of(path))):
            remove(path)
        else:
            note("uninstall.kept", folder=path)
    step("uninstall.done")
    return 0


def studio_folders() -> dict[str, Path]:
    """The studio's folders by kind; empty when it cannot be asked, and then nothing of them is touched."""
    if not PYTHON.exists():
        return {}
    done = subprocess.run([PYTHON, "-c", _ASK], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return {}
    return {name: Path(path) for name, path in json.loads(done.stdout).items()}


def remove(path: Path, leave: list[Path] | None = None) -> None:
    """Delete *path* but what lies in *leave*. Raises Problem naming what could not be deleted."""
    leave = [each for each in leave or [] if each.is_relative_to(path)]
    try:
        if path in leave:
            return
        if leave:
            for child in path.iterdir():
                remove(child, leave)
            if not any(path.iterdir()):
                path.rmdir()
        elif path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    except OSError as error:
        raise Problem("uninstall", path=path, detail=error) from error


def size_of(path: Path, leave: Path | None = None) -> int:
    """Bytes of the files under *path*, without following links and without *leave*."""
    if path.is_symlink() or path.is_file():
        return path.lstat().st_size
    total = 0
    for folder, names, files in os.walk(path):
        names[:] = [name for name in names if Path(folder, name) != leave]
        total += sum(Path(folder, name).lstat().st_size for name in files)
    return total


def _there(path: Path | None) -> bool:
    """Whether a file lies in or under *path*."""
    return path is not None and any(not each.is_dir() for each in path.rglob("*"))
