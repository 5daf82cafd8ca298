"""What a look at a repository or file begins with: its files, where they are, and what its page says."""

from __future__ import annotations

from collections.abc import Callable

import httpx2
from msgspec import Struct

from studio.domain.model import Address
from studio.services.downloads import addresses, elsewhere, hub, modelscope
from studio.services.downloads.messages import Probe
from studio.services.downloads.repository import on_hub
from studio.services.downloads.tree import Tree


class Listing(Struct, frozen=True, kw_only=True):
    """`url_of` a path is where that file is. `tags` as the hub has them."""

    tree: Tree
    url_of: Callable[[str], str]
    tags: tuple[str, ...] = ()
    gated: bool = False


def listing_of(order: Probe, client: httpx2.Client) -> Listing:
    """Raises GatedRepoError, TransferError, AddressError."""
    route = order.route
    if order.url:
        name = order.repo.rpartition("/")[2]
        file = elsewhere.look(client, Address(url=order.url, path=name, sha256=order.sha256 or None), route)
        return Listing(tree=Tree(commit="", files=(file,)), url_of=lambda _: order.url)
    if order.modelscope:
        tree = modelscope.tree_of(client, order.repo, order.revision, route)
        return Listing(
            tree=tree, url_of=lambda path: modelscope.address_of(order.repo, path, tree.commit, route)
        )
    endpoint = addresses.check(route.hub)
    info = hub.info_of(order.repo, order.revision, endpoint, route)
    tree = hub.tree_of(info)
    return Listing(
        tree=tree,
        url_of=on_hub(order.repo, tree.commit, endpoint),
        tags=tuple(info.tags or ()),
        gated=bool(info.gated),
    )


def page_of(order: Probe) -> str:
    """Where a reader sees it."""
    if order.url:
        return addresses.without_secrets(order.url)
    return (
        modelscope.page_of(order.repo, order.route)
        if order.modelscope
        else f"{order.route.origin}/{order.repo}"
    )
