"""The source "hub": its API names the files, their sizes and hashes; the bytes are fetched by us."""

from __future__ import annotations

import logging
from fnmatch import fnmatchcase
from pathlib import Path

import httpx2
from huggingface_hub import HfApi, hf_hub_url, set_client_factory
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import ModelInfo
from msgspec import Struct

from studio.domain.failure import StudioError
from studio.domain.model import Hub, Model
from studio.services.downloads import addresses, names
from studio.services.downloads.client import open_client
from studio.services.downloads.route import Route
from studio.services.downloads.transfer import (
    DeniedError,
    Item,
    Transfer,
    TransferError,
    UnreachableError,
    WrongContentError,
)
from studio.services.downloads.work import Work

log = logging.getLogger(__name__)

API_TIMEOUT = httpx2.Timeout(20.0, connect=5.0)
# What could run when loaded is never fetched, whatever a manifest's patterns say.
_NEVER = (
    ".py",
    ".pyc",
    ".bin",
    ".pt",
    ".pth",
    ".ckpt",
    ".pkl",
    ".pickle",
    ".so",
    ".dll",
    ".exe",
    ".sh",
    ".bat",
)


class HubFile(Struct, frozen=True, kw_only=True):
    path: str
    bytes: int
    sha256: str | None
    blob: str | None


class Tree(Struct, frozen=True, kw_only=True):
    commit: str
    files: tuple[HubFile, ...]


class Fetched(Struct, frozen=True):
    """`hashes`: the sha256 of the files, by path, that are proven already."""

    origin: str
    commit: str
    hashes: dict[str, str] = {}


def fetch(source: Hub, model: Model, work: Work, route: Route) -> Fetched:
    """Make the source's files lie in `work.ready`.

    Raises TransferError, AddressError, StudioError (`model.gated`, `disk.full`, `network.proxy`), OSError.
    """
    endpoint = addresses.check(route.hub)
    page = f"{endpoint}/{source.repo}"
    work.report("find", 0, 0)
    try:
        tree = _tree(source, endpoint, route)
        _agree(model, tree)
        total = sum(file.bytes for file in tree.files)
        work.need(max(0, total - work.here()))
        before = 0
        with open_client(route) as client:
            for file in tree.files:
                _fetch_file(client, source, tree, file, endpoint, route, work, before, total)
                before += file.bytes
    except (DeniedError, GatedRepoError) as error:
        raise StudioError("model.gated", name=work.title, url=page, details=str(error)) from error
    return Fetched(page, tree.commit)


def info_of(repo: str, revision: str, endpoint: str, route: Route) -> ModelInfo:
    """What the hub at *endpoint* says of a repository. Raises GatedRepoError, TransferError."""
    api = api_of(endpoint, route)
    try:
        return api.model_info(repo, revision=revision, files_metadata=True)
    except GatedRepoError:
        raise
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise TransferError(f"{repo} is not on the hub") from error
    except HfHubHTTPError as error:
        raise UnreachableError(f"the hub answers with an error: {error}") from error
    except (httpx2.HTTPError, OSError, ValueError) as error:
        raise UnreachableError(f"the hub: {type(error).__name__}: {error}") from error


def tree_of(info: ModelInfo) -> Tree:
    """Every file whose size the hub knows. Raises TransferError."""
    files = tuple(
        HubFile(
            path=entry.rfilename,
            bytes=entry.size,
            sha256=entry.lfs.sha256 if entry.lfs else None,
            blob=entry.blob_id,
        )
        for entry in info.siblings or []
        if entry.size is not None
    )
    if not files or not info.sha:
        raise TransferError(f"{info.id} has no files")
    return Tree(commit=info.sha, files=files)


def api_of(endpoint: str, route: Route) -> HfApi:
    """The hub's library on our way out, with a token only where it belongs. One route a process."""
    set_client_factory(lambda: open_client(route, follow=True, timeout=API_TIMEOUT))
    return HfApi(endpoint=endpoint, token=route.token(endpoint) or False)


def _tree(source: Hub, endpoint: str, route: Route) -> Tree:
    tree = tree_of(info_of(source.repo, source.revision, endpoint, route))
    chosen = [
        file
        for file in tree.files
        if any(fnmatchcase(file.path, pattern) for pattern in source.files)
        and not file.path.lower().endswith(_NEVER)
    ]
    try:
        names.all_safe(file.path for file in chosen)
    except names.UnsafeNameError as error:
        raise WrongContentError(f"{source.repo} has an impossible file name: {error}") from error
    if not chosen:
        raise TransferError(f"{source.repo} has none of the files")
    return Tree(commit=tree.commit, files=tuple(chosen))


def _agree(model: Model, tree: Tree) -> None:
    """A file that the manifest pins must be the same on the hub: known before a byte is fetched."""
    there = {file.path: file for file in tree.files}
    for pinned in model.files:
        file = there.get(pinned.path)
        if file is None:
            raise WrongContentError(f"the hub has no {pinned.path} any more")
        if pinned.sha256 and file.sha256 and file.sha256 != pinned.sha256:
            raise WrongContentError(f"the hub has another {pinned.path} now")


def _fetch_file(
    client: httpx2.Client,
    source: Hub,
    tree: Tree,
    file: HubFile,
    endpoint: str,
    route: Route,
    work: Work,
    before: int,
    total: int,
) -> None:
    # A hash of the content names the part: it goes on under another commit or mirror too.
    part = work.parts / (file.sha256 or file.blob or "")
    target: Path = work.ready / file.path
    if target.exists():
        return
    url = hf_hub_url(source.repo, file.path, revision=tree.commit, endpoint=endpoint)
    item = Item(
        url=url,
        name=file.path,
        bytes=file.bytes,
        sha256=file.sha256,
        blob=file.blob,
        headers=route.headers(url),
    )

    def report(done: int) -> None:
        work.report("download", before + done, total)

    Transfer(client, item, part, report, work.traffic).run()
    target.parent.mkdir(parents=True, exist_ok=True)
    part.replace(target)
