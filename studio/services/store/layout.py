"""How stored models are named: `<root>/<owner>--<name>/<revision>[+<choice>]/`; parts lie in `.parts`.

The first part says whose it is: a repository's owner and name, `wheels--<model>`, `<host>--<file>`, or
`import--<name>`. The second pins what it was then, so that two versions of one repository lie side by side,
and so does each choice of its files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from studio.domain.model import ModelFile

PARTS = ".parts"
"""The folder in each root for what is not a model (yet)."""

_DIGITS = 12
_COMMIT = re.compile(r"[0-9a-f]{40,64}")
_LONGEST = 120


def repository(repo: str) -> str:
    """The first part for `owner/name` on a hub."""
    return slug(repo.replace("/", "--"))


def wheels(model_id: str) -> str:
    return slug(f"wheels--{model_id}")


def address(url: str) -> str:
    """The first part for a file's address."""
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(url)
    return slug(f"{parts.hostname}--{Path(unquote(parts.path)).stem}")


def imported(name: str) -> str:
    """The first part for a copy of what the user had."""
    return slug(f"import--{name}")


def place(name: str, version: str, choice: str = "") -> str:
    """Both parts. *version*: a commit, a hash or a number; *choice*: which of a repository's files it has."""
    short = version[:_DIGITS] if _COMMIT.fullmatch(version) else slug(version)
    return f"{name}/{short}+{slug(choice)}" if choice else f"{name}/{short}"


def version_of(files: Iterable[ModelFile]) -> str:
    """For what has neither commit nor version: the hash of its file, or of all their hashes."""
    hashes = sorted(file.sha256 or "" for file in files)
    return hashes[0] if len(hashes) == 1 else _hash("".join(hashes))


def key(place_or_id: str) -> str:
    """The one name that stands for a place or a model's id in `PARTS`."""
    return slug(place_or_id)


def is_place(text: str) -> bool:
    """Is it one that a record from elsewhere may name: two plain parts, neither of them hidden?"""
    parts = text.split("/")
    return len(parts) == 2 and all(map(_plain, parts))


def slug(text: str) -> str:
    """*text* as the name of one folder on every system; one that had to be changed ends in a mark."""
    plain = re.sub(r"[^\w.+=,@~()-]+", "-", text).strip("-. ")
    if plain == text and len(text.encode()) <= _LONGEST and _plain(text):
        return text
    cut = plain.encode()[: _LONGEST - 9].decode("utf-8", "ignore")
    return f"{cut}-{_hash(text)[:8]}".lstrip("-")


def _plain(part: str) -> bool:
    from studio.services.downloads.names import UnsafeNameError, safe

    try:
        return len(safe(part).parts) == 1 and not part.startswith(".")
    except UnsafeNameError:
        return False


def _hash(text: str) -> str:
    from hashlib import sha256  # its library of ciphers is large; not for the window's first picture

    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
