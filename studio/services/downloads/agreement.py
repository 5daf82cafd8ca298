"""What a repository holds, as its origin says it, and which sources may bring it.

The origin's word counts where it can be had. Where not, its mirrors must agree. A source that says
something else is refused by name; one that says the right thing and sends something else, too.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable
from urllib.parse import urlsplit

import httpx2
from huggingface_hub import hf_hub_url
from huggingface_hub.errors import GatedRepoError
from msgspec import Struct

from studio.domain.failure import StudioError
from studio.domain.model import Hub
from studio.services.downloads import addresses, modelscope
from studio.services.downloads.route import Route
from studio.services.downloads.transfer import (
    DeniedError,
    Item,
    TransferError,
    UnreachableError,
    WrongContentError,
)
from studio.services.downloads.tree import HubFile, Tree

log = logging.getLogger(__name__)

_COMMIT = re.compile(r"[0-9a-f]{40}")

Ask = Callable[[str], Tree]
"""The tree at an endpoint. Raises GatedRepoError, TransferError."""


class Agreed:
    """Files, and where each may come from. `page`: where that is, in words.

    `verified`: the source itself, or a manifest, said before what the files must be. *others*: hosts
    that list something else, and are not among the places.
    """

    def __init__(
        self,
        tree: Tree,
        page: str,
        route: Route,
        urls: Callable[[HubFile], Iterable[str]],
        *,
        verified: bool = True,
        others: Iterable[str] = (),
    ) -> None:
        self.tree, self.page, self.verified = tree, page, verified
        self._route, self._urls = route, urls
        self._refused: dict[str, TransferError] = {}
        self._others = tuple(others)

    def items(self) -> dict[str, Item]:
        """Every file by its path, from the first place that has not failed. Raises TransferError."""
        return {file.path: self._item(file) for file in self.tree.files}

    def failed(self, error: TransferError) -> None:
        """What `items` named failed so: what it came from is not asked again, for no file.

        Raises the error of this or an earlier place, when it was the last that has the file.
        """
        if error.item is None:
            raise error
        host = host_of(error.item.url)
        level = logging.WARNING if isinstance(error, WrongContentError) else logging.INFO
        log.log(level, "%s is not asked any more: %s", host, error)
        self._refused[host] = error
        self.items()

    def liars(self) -> list[str]:
        """Those that had or sent something else."""
        sent = [host for host, error in self._refused.items() if isinstance(error, WrongContentError)]
        return [*self._others, *sent]

    def _item(self, file: HubFile) -> Item:
        for url in self._urls(file):
            if host_of(url) not in self._refused:
                return Item(
                    url=url,
                    name=file.path,
                    bytes=file.bytes,
                    sha256=file.sha256,
                    blob=file.blob,
                    unproven=not self.verified,
                    headers=self._route.headers(url),
                )
        raise self._worst()

    def _worst(self) -> TransferError:
        """Somebody who sent something else is named before those who sent nothing; a gate before them all."""
        for kind in (DeniedError, WrongContentError):
            for host, error in self._refused.items():
                if isinstance(error, kind):
                    return kind(f"{host}: {error}")
        return next(reversed(self._refused.values()), UnreachableError("no source has it"))


def host_of(address: str) -> str:
    """As it is named to the user."""
    return urlsplit(address).netloc


class _Word(Struct, frozen=True):
    endpoint: str
    tree: Tree


def agree(source: Hub, route: Route, ask: Ask, client: httpx2.Client, name: str) -> Agreed:
    """*ask* the origin, and the mirrors that are to be used. *name* is for messages.

    Raises GatedRepoError, TransferError, AddressError, StudioError `download.contradiction`.
    """
    origin, trouble = _of_the_origin(ask, route)
    mirrors = [each for each in route.hubs if each != route.origin]
    words, troubles = _of_mirrors(ask, mirrors)
    if origin is None and not words:
        raise trouble or UnreachableError("no source answers")
    others: list[str] = []
    if origin is not None:
        good = [word.endpoint for word in words if _contradiction(origin, word.tree) is None]
        for word in words:
            if file := _contradiction(origin, word.tree):
                others.append(host_of(word.endpoint))
                log.warning("%s is refused: it has another %s than the hub", others[-1], file)
    else:
        good = _agreeing(words, source, name)
    tree = origin or words[0].tree
    for each in troubles:
        log.info("not asked for bytes: %s", each)
    endpoints = [each for each in route.endpoints if each in good or each in (route.origin, route.modelscope)]
    if origin is not None and route.origin not in endpoints:
        endpoints.append(route.origin)
    same = _on_modelscope(tree, source.repo, route, client) if route.modelscope in endpoints else {}

    def urls(file: HubFile) -> Iterable[str]:
        for endpoint in endpoints:
            if endpoint != route.modelscope:
                yield hf_hub_url(source.repo, file.path, revision=tree.commit, endpoint=endpoint)
            elif file.path in same:
                yield same[file.path]

    return Agreed(tree, f"{route.origin}/{source.repo}", route, urls, others=others)


def _of_the_origin(ask: Ask, route: Route) -> tuple[Tree | None, TransferError | None]:
    try:
        return ask(addresses.check(route.origin)), None
    except UnreachableError as error:
        log.info("the origin cannot be asked: %s", error)
        return None, error


def _of_mirrors(ask: Ask, mirrors: list[str]) -> tuple[list[_Word], list[Exception]]:
    words: list[_Word] = []
    troubles: list[Exception] = []
    for endpoint in mirrors:
        try:
            words.append(_Word(endpoint, ask(addresses.check(endpoint))))
        except (TransferError, GatedRepoError, addresses.AddressError) as error:
            troubles.append(error)
    return words, troubles


def _agreeing(words: list[_Word], source: Hub, name: str) -> list[str]:
    """All of them, since two that differ leave nobody to believe. Raises StudioError."""
    first = words[0]
    pinned = source.revision if _COMMIT.fullmatch(source.revision) else None
    for word in words:
        file = _contradiction(first.tree, word.tree)
        if pinned and word.tree.commit != pinned:
            file = file or pinned[:12]
        if file:
            raise StudioError(
                "download.contradiction",
                name=name,
                file=file,
                one=host_of(first.endpoint),
                other=host_of(word.endpoint),
            )
    return [word.endpoint for word in words if word.tree.commit == first.tree.commit]


def _contradiction(one: Tree, other: Tree) -> str | None:
    """A file that both have at the same commit and that is not the same; None where they agree.

    At another commit they say nothing of each other: a mirror may be late.
    """
    if one.commit != other.commit:
        return None
    there = {file.path: file for file in other.files}
    for file in one.files:
        found = there.get(file.path)
        if found is None or (file.bytes, file.sha256, file.blob) != (found.bytes, found.sha256, found.blob):
            return file.path
    return None


def _on_modelscope(tree: Tree, repo: str, route: Route, client: httpx2.Client) -> dict[str, str]:
    """Where the files are that ModelScope's repository of the same name has with the same hash."""
    try:
        other = modelscope.tree_of(client, repo, "master", route)
    except (TransferError, addresses.AddressError) as error:
        log.info("%s is not fetched from ModelScope: %s", repo, error)
        return {}
    there = {file.path: file.sha256 for file in other.files}
    return {
        file.path: modelscope.address_of(repo, file.path, other.commit, route)
        for file in tree.files
        if file.sha256 and there.get(file.path) == file.sha256
    }
