"""The sources that are not the hub: a repository on ModelScope, one file at an address."""

from __future__ import annotations

import base64
import re

import httpx2

from studio.domain.failure import StudioError
from studio.domain.model import Address, Model, ModelScope
from studio.services.downloads import addresses, hub, modelscope
from studio.services.downloads.agreement import Agreed
from studio.services.downloads.client import open_client
from studio.services.downloads.hub import API_TIMEOUT, Fetched
from studio.services.downloads.route import Route
from studio.services.downloads.transfer import (
    BUSY,
    DeniedError,
    Item,
    TransferError,
    UnreachableError,
    follow,
    total_of,
)
from studio.services.downloads.tree import HubFile, Tree
from studio.services.downloads.work import Work

_SHA256 = re.compile(r"[0-9a-f]{64}")
_REPR_DIGEST = re.compile(r"sha-256=:([A-Za-z0-9+/]{43}=):")


def fetch_modelscope(source: ModelScope, model: Model, work: Work, route: Route) -> Fetched:
    """Make the source's files lie in `work.ready`.

    Raises TransferError, AddressError, StudioError (`model.gated`, `disk.full`, `network.proxy`), OSError.
    """
    page = modelscope.page_of(source.repo, route)
    work.report("find", 0, 0)
    try:
        with open_client(route, timeout=API_TIMEOUT) as client:
            tree = modelscope.tree_of(client, source.repo, source.revision, route)
        tree = hub.chosen(tree, source.repo, source.files)

        def urls(file: HubFile) -> list[str]:
            return [modelscope.address_of(source.repo, file.path, tree.commit, route)]

        hub.fetch_all(Agreed(tree, page, route, urls), model, work, route)
    except DeniedError as error:
        raise StudioError("model.gated", name=work.title, url=page, details=str(error)) from error
    return Fetched(page, tree.commit)


def fetch_address(source: Address, model: Model, work: Work, route: Route) -> Fetched:
    """Make the one file lie in `work.ready`. Raises as `fetch_modelscope`.

    What neither the source nor its server gives a hash for is taken as it comes: not `verified`.
    """
    addresses.check(source.url)
    work.report("find", 0, 0)
    with open_client(route, timeout=API_TIMEOUT) as client:
        file = look(client, source, route)
    page = addresses.without_secrets(source.url)
    tree = hub.chosen(Tree(commit=file.sha256 or "", files=(file,)), page, ("*",))
    verified = file.sha256 is not None
    try:
        hub.fetch_all(
            Agreed(tree, page, route, lambda _: [source.url], verified=verified), model, work, route
        )
    except DeniedError as error:
        raise StudioError("model.gated", name=work.title, url=page, details=str(error)) from error
    return Fetched(page, file.sha256 or "", verified)


def look(client: httpx2.Client, source: Address, route: Route) -> HubFile:
    """What the server says of the file, from the head of an answer. Raises TransferError, AddressError."""
    where = addresses.without_secrets(source.url)
    item = Item(url=source.url, name=source.path, headers=route.headers(source.url))
    try:
        response = follow(client, item, {"Accept-Encoding": "identity"})
    except httpx2.HTTPError as error:
        raise UnreachableError(f"{where}: {type(error).__name__}: {error}") from error
    try:
        status, size = response.status_code, total_of(response, 0)
        if status in BUSY:
            raise UnreachableError(f"{where}: status {status}")
        if status in (401, 403):
            raise DeniedError(f"{where}: status {status}")
        if status != 200:
            raise TransferError(f"{where}: status {status}")
        kind = response.headers.get("Content-Type", "")
        if kind.startswith("text/html"):
            raise TransferError(f"{where} is a page to read, not a file")
        if size is None:
            raise TransferError(f"{where}: the server does not say how long the file is")
        said = sha256_of(response.headers)
    finally:
        response.close()
    if source.sha256 and said and said != source.sha256:
        raise TransferError(f"{where} has another content now than it had")
    return HubFile(path=source.path, bytes=size, sha256=source.sha256 or said, blob=None)


def sha256_of(headers: httpx2.Headers) -> str | None:
    """The hash of the content, where a server gives it: as large files of hubs have it, or by RFC 9530."""
    for name in ("X-Linked-ETag", "X-Checksum-Sha256"):
        value = headers.get(name, "").strip('"').lower()
        if _SHA256.fullmatch(value):
            return value
    found = _REPR_DIGEST.search(headers.get("Repr-Digest", ""))
    return base64.b64decode(found[1]).hex() if found else None
