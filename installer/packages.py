"""Runs the environment's pip: one line while it works, and its failure in the user's words."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
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
        file = Path(folder, "requirements.txt")
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        extra = [part for address in extra_indexes for part in ("--extra-index-url", address)]
        _run(python, ["install", "--no-input", "--prefer-binary", "-r", str(file), *extra], log)


def uninstall(python: Path, packages: list[str]) -> None:
    """Remove *packages*; those that are not there are no failure."""
    subprocess.run(
        [python, "-m", "pip", "uninstall", "-y", "-q", *packages],
        check=False,
        capture_output=True,
        env=environment(),
    )


def environment() -> dict[str, str]:
    """This process's environment without what would lead pip or Python out of the virtual environment."""
    kept = {name: value for name, value in os.environ.items() if name not in {"PYTHONHOME", "PYTHONPATH"}}
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


def _run(python: Path, arguments: list[str], log: Path) -> None:
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
            env=environment(),
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
