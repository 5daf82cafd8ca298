"""From the choice of builds to what pip is asked for.

What the configured indexes and find-links offer comes first; then the vendor's index, if one connection
shows that it answers; else the default build, with its size said before it is fetched.
"""

from __future__ import annotations

import json
import platform
import re
import ssl
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from installer.machine import Choice
from installer.say import Problem, note

OFFERS = Path(__file__).with_name("offers.py")
INDEXES: dict[str, Any] = json.loads(Path(__file__).with_name("indexes.json").read_text(encoding="utf-8"))
CONNECT_SECONDS = 5.0
_READ_SECONDS = 60.0  # for reading a page that answered; pip's own limit is 5 s without a byte


class Wheel(TypedDict):
    """One wheel that fits this Python: version, the part of it behind `+`, address."""

    version: str
    local: str
    url: str


@dataclass(frozen=True)
class Builds:
    """What pip is asked for in place of the plain requirements, and where else it may look."""

    torch: str
    xllamacpp: str
    extra_indexes: tuple[str, ...] = ()
    names: tuple[str, str] = ("default", "default")  # the builds that were found, for people


@dataclass(frozen=True)
class Index:
    """Ways to ask, so that a test can answer without a network."""

    offers: Callable[[str, str | None], list[Wheel]]  # requirement, address of one index or None: configured
    reachable: Callable[[str], bool]
    vendors: bool = True  # False when pip's configuration forbids every index

    @classmethod
    def of(cls, python: Path) -> Index:
        """The indexes as the pip of *python* sees them."""
        addresses = _ask(python, "--addresses")["indexes"]
        return cls(
            offers=lambda requirement, index: _ask(
                python, requirement, *(["--index", index] if index else [])
            )[requirement],
            reachable=reachable,
            vendors=bool(addresses),
        )


def resolve(choice: Choice, requirements: dict[str, str], index: Index) -> Builds:
    """The builds to install for *choice*. *requirements*: the plain ones of `torch` and `xllamacpp`."""
    torch, torch_index, torch_name = _torch(choice, requirements["torch"], index)
    llama, llama_name = _xllamacpp(choice, requirements["xllamacpp"], index)
    return Builds(torch, llama, (torch_index,) if torch_index else (), (torch_name, llama_name))


def _torch(choice: Choice, requirement: str, index: Index) -> tuple[str, str, str]:
    configured = index.offers(requirement, None)
    for build in choice.torch:
        for wheel in configured:
            if _is_build(wheel, build):
                return f"torch=={wheel['version']}", "", build
        address = INDEXES["torch"][build]
        if index.vendors and index.reachable(address):
            for wheel in index.offers(requirement, address):
                if _is_build(wheel, build):
                    # By version, with the vendor's index beside: what this build needs lies there too.
                    return f"torch=={wheel['version']}", address, build
        note("note.build.missing", package="torch", build=build)
    plain = [wheel for wheel in configured if not wheel["local"]]
    if choice.torch and plain:
        note("note.torch.default", gigabytes=size("download", "default"))
    if plain and len(plain) < len(configured):
        # `===`: a local build of the same version, which pip would prefer, is for another kind of computer.
        return f"torch==={plain[0]['version']}", "", "default"
    return requirement, "", "default"


def _is_build(wheel: Wheel, build: str) -> bool:
    return wheel["local"] == build or wheel["local"].startswith(f"{build}.")


def _xllamacpp(choice: Choice, requirement: str, index: Index) -> tuple[str, str]:
    for build in choice.xllamacpp:
        address = INDEXES["xllamacpp"][build]
        if index.vendors and index.reachable(address):
            for wheel in index.offers(requirement, address):
                # By address: its builds share one version, so a version would not tell them apart.
                return f"xllamacpp @ {wheel['url']}", build
        note("note.build.missing", package="xllamacpp", build=build)
    return requirement, "default"


def size(what: str, build: str) -> float:
    """GB that *build* of torch takes, as `download` or as free `disk` for the whole setup."""
    table: dict[str, Any] = INDEXES["sizes"][what]
    return float(table["default"][platform.system()] if build == "default" else table[build])


def reachable(address: str, seconds: float = CONNECT_SECONDS) -> bool:
    """Whether *address* answers at all within *seconds*. A refusal is an answer: pip will say it better."""
    if urllib.parse.urlsplit(address).scheme not in {"http", "https"}:
        return True
    answered: list[bool] = []

    def connect() -> None:
        request = urllib.request.Request(_without_credentials(address), method="HEAD")  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=seconds):  # noqa: S310 - http or https, see above
                answered.append(True)
        except urllib.error.HTTPError:
            answered.append(True)
        except urllib.error.URLError as error:
            answered.append(isinstance(error.reason, ssl.SSLCertVerificationError))
        except OSError:
            answered.append(False)

    # A thread, because looking up a name has no limit of its own.
    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    thread.join(seconds)
    return bool(answered and answered[0])


def _without_credentials(address: str) -> str:
    return re.sub(r"//[^/@]*@", "//", address)


def _ask(python: Path, *arguments: str) -> Any:
    try:
        answer = subprocess.run(
            [python, OFFERS, *arguments], capture_output=True, text=True, timeout=_READ_SECONDS, check=True
        )
    except subprocess.CalledProcessError as error:
        raise Problem("index.unreadable", detail=error.stderr.strip()[-300:]) from error
    except subprocess.TimeoutExpired as error:
        raise Problem("index.unreadable", detail=f"{_READ_SECONDS:.0f} s") from error
    return json.loads(answer.stdout)


def configured_addresses(python: Path) -> list[str]:
    """The indexes that pip is configured with."""
    return list(_ask(python, "--addresses")["indexes"])


def host_of(address: str) -> str:
    """The host of an index, without what may be secret in its address."""
    return urllib.parse.urlsplit(address).hostname or address
