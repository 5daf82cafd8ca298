"""The source "hub": its API names the files, their sizes and hashes; the bytes are fetched by us."""

from __future__ import annotations

import logging
from fnmatch import fnmatchcase

import httpx2
from huggingface_hub import HfApi, set_client_factory
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
from studio.services.downloads import names
from studio.services.downloads.agreement import Agreed, agree
from studio.services.downloads.client import open_client
from studio.services.downloads.route import Route
from studio.services.downloads.transfer import (
    DeniedError,
    TransferError,
    UnreachableError,
    WrongContentError,
)
from studio.services.downloads.tree import HubFile, Tree
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


class Fetched(Struct, frozen=True):
    """`verified`: the source said what the files should be."""

    origin: str
    commit: str
    verified: bool = True


def fetch(source: Hub, model: Model, work: Work, route: Route) -> Fetched:
    """Make the source's files lie in `work.ready`.

    Raises TransferError, AddressError, StudioError (`model.gated`, `disk.full`, `network.proxy`), OSError.
    """
    work.report("find", 0, 0)
    try:
        with open_client(route, timeout=API_TIMEOUT) as client:
            agreed = agree(
                source, route, lambda endpoint: chosen_tree(source, endpoint, route), client, work.title
            )
        fetch_all(agreed, model, work, route)
    except (DeniedError, GatedRepoError) as error:
        page = f"{route.origin}/{source.repo}"
        raise StudioError("model.gated", name=work.title, url=page, details=str(error)) from error
    return Fetched(agreed.page, agreed.tree.commit)


def fetch_all(agreed: Agreed, model: Model, work: Work, route: Route) -> None:
    """Make every file that was agreed on lie in `work.ready`. Raises as `fetch`, and DeniedError."""
    tree = agreed.tree
    _agree(model, tree)
    total = sum(file.bytes for file in tree.files)
    work.need(max(0, total - work.here()))
    with open_client(route) as client:
        while True:
            wanted = {work.ready / path: item for path, item in agreed.items().items()}
            try:
                return work.gather(client, wanted)
            except TransferError as error:
                agreed.failed(error)
            finally:
                work.refused += agreed.liars()


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


def chosen_tree(source: Hub, endpoint: str, route: Route) -> Tree:
    """The files that *source* asks for, as *endpoint* lists them. Raises GatedRepoError, TransferError."""
    return chosen(tree_of(info_of(source.repo, source.revision, endpoint, route)), source.repo, source.files)


def chosen(tree: Tree, repo: str, patterns: tuple[str, ...]) -> Tree:
    """What of *tree* matches, code and pickles never. Raises TransferError."""
    found = [
        file
        for file in tree.files
        if any(fnmatchcase(file.path, pattern) for pattern in patterns)
        and not file.path.lower().endswith(_NEVER)
    ]
    try:
        names.all_safe(file.path for file in found)
    except names.UnsafeNameError as error:
        raise WrongContentError(f"{repo} has an impossible file name: {error}") from error
    if not found:
        raise TransferError(f"{repo} has none of the files")
    return Tree(commit=tree.commit, files=tuple(found))


def _agree(model: Model, tree: Tree) -> None:
    """A file that the manifest pins must be the same on the hub: known before a byte is fetched."""
    there = {file.path: file for file in tree.files}
    for pinned in model.files:
        file = there.get(pinned.path)
        if file is None:
            raise WrongContentError(f"the hub has no {pinned.path} any more")
        if pinned.sha256 and file.sha256 and file.sha256 != pinned.sha256:
            raise WrongContentError(f"the hub has another {pinned.path} now")
