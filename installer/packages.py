"""Runs the environment's pip: one line while it works, and its failure in the user's words."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
import urllib.parse
import zipfile
from collections.abc import Iterable
from pathlib import Path

from installer.say import Problem, Progress, t

# What pip or the system says -> the code of our Problem. The first that is found wins.
_CAUSES = (
    (r"No space left on device|Errno 28|not enough space on the disk", "disk.full"),
    (r"THESE PACKAGES DO NOT MATCH THE HASHES", "pip.hash"),
    (r"CERTIFICATE_VERIFY_FAILED|confirming the ssl certificate", "pip.certificate"),
    (r"40[137] Client Error|407 Proxy|ProxyError", "pip.access"),
    (r"ResolutionImpossible|conflicting dependencies", "pip.conflict"),
    (r"(?:NewConnection|NameResolution)Error|(?:Connect|Read)Timeout|IncompleteRead", "pip.network"),
    (r"Temporary failure in name resolution|Connection (?:refused|reset|aborted|broken)", "pip.network"),
    (r"No matching distribution found|Could not find a version", "pip.nothing"),
    (r"Permission denied|Access is denied|Errno 13|WinError 5\b", "pip.permission"),
)


def install(python: Path, lines: list[str], extra_indexes: Iterable[str], *, log: Path) -> None:
    """Install the requirement *lines*. The whole output goes to *log*. Raises Problem."""
    with tempfile.TemporaryDirectory() as folder:
        file = _listed(lines, folder)
        extra = [part for address in extra_indexes for part in ("--extra-index-url", address)]
        _run(python, ["install", "--no-input", "--prefer-binary", "-r", file, *extra], log)


def collect(python: Path, lines: list[str], extra_indexes: Iterable[str], wheels: Path, *, log: Path) -> None:
    """Put wheels for the requirement *lines* and all that they require into *wheels*. Raises Problem.

    What lies there is not fetched again. What an index has only as source is built.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = _listed(lines, folder)
        extra = [part for address in extra_indexes for part in ("--extra-index-url", address)]
        _run(python, ["wheel", "--no-input", "--prefer-binary", "-w", str(wheels), "-r", file, *extra], log)


def is_whole(wheel: Path) -> bool:
    """Whether its end was written: what a stopped run left behind was cut off there."""
    return zipfile.is_zipfile(wheel)


def choose(python: Path, lines: list[str], wheels: Path, *, log: Path) -> list[str]:
    """Names of the files in *wheels* that pip would install for *lines* with nothing else to take from.

    Raises Problem when something is missing.
    """
    with tempfile.TemporaryDirectory() as folder:
        file, report = _listed(lines, folder), Path(folder, "report.json")
        _run(
            python,
            [
                "install",
                "--dry-run",
                "--ignore-installed",
                "--report",
                str(report),
                *_from(wheels),
                "-r",
                file,
            ],
            log,
            alone=True,
        )
        found = json.loads(report.read_text(encoding="utf-8"))["install"]
    paths = [urllib.parse.urlsplit(each["download_info"]["url"]).path for each in found]
    return sorted(urllib.parse.unquote(path).rsplit("/", 1)[-1] for path in paths)


def install_from(python: Path, wheels: Path, hashes: dict[str, str], *, log: Path) -> None:
    """Install the files of *wheels* that *hashes* names, name -> sha256, and no others. Raises Problem."""
    lines: list[str] = []
    for name, sha256 in hashes.items():
        project, version = name.split("-")[:2]
        lines.append(f"{project}=={version} --hash=sha256:{sha256}")
    with tempfile.TemporaryDirectory() as folder:
        file = _listed(lines, folder)
        _run(python, ["install", *_from(wheels), "-r", file], log, alone=True)


def _listed(lines: list[str], folder: str) -> str:
    file = Path(folder, "requirements.txt")
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(file)


def _from(wheels: Path) -> list[str]:
    return ["--no-input", "--no-index", "--find-links", str(wheels)]


def uninstall(python: Path, packages: list[str]) -> None:
    """Remove *packages*; those that are not there are no failure."""
    subprocess.run(
        [python, "-m", "pip", "uninstall", "-y", "-q", *packages],
        check=False,
        capture_output=True,
        env=environment(),
    )


def environment(*, alone: bool = False) -> dict[str, str]:
    """This process's environment without what would lead pip or Python out of the virtual environment.

    *alone*: also without pip's configuration, which may name indexes and versions of its own.
    """
    kept = {name: value for name, value in os.environ.items() if name not in {"PYTHONHOME", "PYTHONPATH"}}
    if alone:
        kept = {name: value for name, value in kept.items() if not name.startswith("PIP_")}
        kept["PIP_CONFIG_FILE"] = os.devnull
    return kept | {"PIP_USER": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PYTHONUTF8": "1"}


def name_of(requirement: str) -> str:
    """`PySide6>=6.8` is `pyside6`."""
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    return re.sub(r"[-_.]+", "-", found[0]).lower() if found else requirement


def diagnose(output: str) -> str:
    """The code of the Problem that *output* of a failed pip tells of."""
    for pattern, code in _CAUSES:
        if re.search(pattern, output):
            return code
    return "pip"


def last_words(output: str) -> str:
    """The lines of *output* in which pip says what failed; else its last line."""
    errors = [
        line.removeprefix("ERROR:").strip() for line in output.splitlines() if line.startswith("ERROR:")
    ]
    return " / ".join(errors[-2:]) or (output.strip().splitlines() or ["?"])[-1]


def _run(python: Path, arguments: list[str], log: Path, *, alone: bool = False) -> None:
    progress, fetched = Progress(), 0
    with log.open("w", encoding="utf-8") as written:
        process = subprocess.Popen(
            [python, "-m", "pip", *arguments, "--progress-bar", "off"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=environment(alone=alone),
        )
        try:
            for line in process.stdout or ():
                written.write(line)
                if found := re.match(r"\s*(?:Downloading|Using cached|Processing) (\S+)(?: \((.+)\))?", line):
                    fetched += 1
                    name = found[1].rsplit("/", 1)[-1].split("-")[0]
                    progress.show(t("progress.fetch", number=fetched, name=name, size=found[2] or ""))
                elif line.startswith("Installing collected packages"):
                    progress.show(t("progress.install", number=line.count(",") + 1))
            code = process.wait()
        finally:
            process.kill()  # has ended, unless this was interrupted
            process.communicate()
            progress.close()
    if code != 0:
        output = log.read_text(encoding="utf-8")
        raise Problem(diagnose(output), detail=last_words(output), log=log)
