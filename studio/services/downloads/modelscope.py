"""ModelScope: its tree of a repository, with a sha256 for every file, and the addresses of its files."""

from __future__ import annotations

import re
from urllib.parse import quote, urlencode

import httpx2
import msgspec
from msgspec import Struct

from studio.services.downloads.route import Route
from studio.services.downloads.transfer import (
    BUSY,
    DeniedError,
    TransferError,
    UnreachableError,
    WrongContentError,
)
from studio.services.downloads.tree import HubFile, Tree

MOST_FILES = 3000  # where its list ends without saying so
MAX_LIST = 32 * 2**20
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class _File(Struct, rename="pascal"):
    path: str = ""
    type: str = "blob"
    size: int = -1
    sha256: str | None = None
    revision: str | None = None
    committed_date: int = 0


class _Committer(Struct, rename="pascal"):
    id: str | None = None
    revision: str | None = None


class _Data(Struct, rename="pascal"):
    files: list[_File] | None = None
    latest_committer: _Committer | None = None


class _Answer(Struct, rename="pascal"):
    success: bool = False
    message: str | None = None
    data: _Data | None = None


def page_of(repo: str, route: Route) -> str:
    """Where a reader sees the repository."""
    return f"{route.modelscope}/models/{repo}"


def address_of(repo: str, path: str, revision: str, route: Route) -> str:
    """Where the bytes of one file are."""
    asked = urlencode({"Revision": revision, "FilePath": path}, quote_via=quote)
    return f"{route.modelscope}/api/v1/models/{repo}/repo?{asked}"


def tree_of(client: httpx2.Client, repo: str, revision: str, route: Route) -> Tree:
    """Every file of the repository. Raises TransferError, AddressError."""
    asked = urlencode({"Revision": revision, "Recursive": "True"})
    url = f"{route.modelscope}/api/v1/models/{repo}/repo/files?{asked}"
    data = _ask(client, url, repo, route)
    found = [file for file in data.files or [] if file.type != "tree" and file.size >= 0]
    if not found:
        raise TransferError(f"{repo} has no files on ModelScope in its revision {revision}")
    if len(data.files or []) >= MOST_FILES:
        raise TransferError(f"{repo} has more files than ModelScope lists")
    files = tuple(
        HubFile(path=file.path, bytes=file.size, sha256=file.sha256.lower(), blob=None)
        for file in found
        if file.sha256 and _SHA256.fullmatch(file.sha256.lower())
    )
    if len(files) < len(found):
        raise WrongContentError(f"ModelScope gives no hash for some files of {repo}")
    return Tree(commit=_commit(data, found) or revision, files=files)


def _commit(data: _Data, files: list[_File]) -> str | None:
    """The newest commit: as the list says it, else that of the file that changed last."""
    latest = data.latest_committer or _Committer()
    newest = max(files, key=lambda file: file.committed_date)
    known = (latest.revision, latest.id, newest.revision)
    return next((each for each in known if each and _COMMIT.fullmatch(each)), None)


def _ask(client: httpx2.Client, url: str, repo: str, route: Route) -> _Data:
    page = bytearray()
    try:
        with client.stream("GET", url, headers=route.headers(url)) as response:
            status = response.status_code
            for data in response.iter_bytes():
                page += data
                if len(page) > MAX_LIST:
                    raise TransferError(f"the list of the files of {repo} is too long")
    except httpx2.HTTPError as error:
        raise UnreachableError(f"ModelScope: {type(error).__name__}: {error}") from error
    if status in BUSY:
        raise UnreachableError(f"ModelScope: status {status}")
    if status in (401, 403):
        raise DeniedError(f"ModelScope: status {status}")
    try:
        answer = msgspec.json.decode(bytes(page), type=_Answer)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise TransferError(f"ModelScope: status {status}, {error}") from error
    if status != 200 or not answer.success or answer.data is None:
        raise TransferError(f"{repo} is not on ModelScope: status {status}, {answer.message or 'no reason'}")
    return answer.data
