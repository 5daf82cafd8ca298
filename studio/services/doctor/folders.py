"""Folders: can the studio really write where it has to, and do all parts cope with how they are called."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

from studio.domain.diagnosis import Finding, fail, passed, warn
from studio.services.doctor.case import Case

WINDOWS_PATH = 260
INSIDE = 130  # characters that the names inside a model's folder add to its own
LONGEST = 3500  # of Linux's and macOS's 4096 or 1024, what leaves room for names inside
MAC_LONGEST = 800


def write(folder: Path) -> None:
    """Write a small file into *folder* and remove it. Raises OSError."""
    probe = folder / f".studio-probe-{uuid.uuid4().hex}"
    try:
        with probe.open("xb") as file:
            file.write(b"studio")
            file.flush()
            os.fsync(file.fileno())
    finally:
        probe.unlink(missing_ok=True)


def outputs(case: Case) -> Finding:
    """Whether a result could be saved; tried in the folder, or where it would be made."""
    return _writable(case.outputs, "choose_outputs", made_later=not case.settings.outputs)


def models(case: Case) -> Finding:
    """Whether a model could be fetched."""
    return _writable(case.models, "choose_models", made_later=False)


def _writable(folder: Path, action: str, *, made_later: bool) -> Finding:
    there = next((place for place in (folder, *folder.parents) if place.exists()), folder)
    try:
        write(there)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        return fail(
            "doctor.folders.unwritable",
            "doctor.folders.choose",
            action=action,
            path=str(folder),
            reason=reason,
        )
    if there == folder:
        return passed("doctor.folders.writable", path=str(folder))
    if made_later:
        return passed("doctor.folders.later", path=str(folder))
    return warn("doctor.folders.missing", "doctor.folders.create", action="create_folders", path=str(folder))


def own(case: Case) -> Finding:
    """Whether settings, database, logs and locks can be written."""
    paths = case.paths
    folders = dict.fromkeys((paths.config, paths.data, paths.cache, paths.logs, paths.run))
    missing = [folder for folder in folders if not folder.exists()]
    for folder in folders.keys() - set(missing):
        try:
            write(folder)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            return fail("doctor.folders.unwritable", "doctor.folders.rights", path=str(folder), reason=reason)
    if missing:
        path = ", ".join(str(folder) for folder in missing)
        return warn("doctor.folders.missing", "doctor.folders.create", action="create_folders", path=path)
    return passed("doctor.folders.own.fine", path=str(paths.data))


def names(case: Case) -> list[Finding]:
    """Whether paths hold what some library cannot read, or are too long for the system."""
    folders = dict.fromkeys((case.models, case.outputs, case.paths.data, case.temp))
    found = [finding for folder in folders if (finding := _name(case, folder))]
    if found:
        return found
    foreign = [str(folder) for folder in folders if not str(folder).isascii()]
    if foreign:
        return [passed("doctor.folders.names.fine", path=", ".join(foreign))]
    return [passed("doctor.folders.names.plain")]


def _name(case: Case, folder: Path) -> Finding | None:
    """What is wrong with it, None if nothing is."""
    text = str(folder)
    if case.platform == "win32":
        if len(text) + INSIDE > WINDOWS_PATH and not case.long_paths:
            fix = "doctor.folders.names.long_paths"
            return warn("doctor.folders.names.long", fix, path=text, n=len(text))
        if not text.isascii():
            # Libraries that open a path by its bytes in the system's code page fail on Windows only.
            return warn("doctor.folders.names.foreign", "doctor.folders.names.move", path=text)
        return None
    longest = MAC_LONGEST if case.platform == "darwin" else LONGEST
    if len(os.fsencode(text)) > longest:
        return warn("doctor.folders.names.long", "doctor.folders.names.move", path=text, n=len(text))
    return None


CHECKS = {"outputs": outputs, "models": models, "own": own, "names": names}
