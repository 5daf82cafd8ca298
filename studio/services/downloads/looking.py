"""Looks around on a hub: searching it, and reading the licence that lies in a repository."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import TypeVar

import httpx2
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError
from huggingface_hub.hf_api import ModelInfo

from studio.domain.failure import StudioError
from studio.domain.remote import Hit
from studio.services.downloads import addresses, hub
from studio.services.downloads.addresses import AddressError
from studio.services.downloads.beginning import TIMEOUT
from studio.services.downloads.client import open_client
from studio.services.downloads.messages import ReadLicence, Search
from studio.services.downloads.repository import beginnings, on_hub
from studio.services.downloads.sorts import SORTS
from studio.services.downloads.transfer import DeniedError, TransferError, UnreachableError
from studio.services.library.headers import HeaderError
from studio.services.network import Traffic

log = logging.getLogger(__name__)

T = TypeVar("T")

TASKS = {
    "text": "text-generation",
    "image": "text-to-image",
    "speech": "text-to-speech",
    "music": "text-to-audio",
    "video": "text-to-video",
    "transcribe": "automatic-speech-recognition",
    "model3d": "image-to-3d",
}
"""What the hub calls the studio's tasks."""

MOST = 100
LONGEST = 200_000  # bytes of a licence
_LICENCE_FILE = re.compile(r"licen[cs]e(?:[-_.].*)?", re.IGNORECASE)
_TAG = re.compile(r"[\w.+-]{1,60}", re.ASCII)
_WANTED = ["downloads", "likes", "lastModified", "tags", "pipeline_tag", "gated"]


def search(order: Search) -> tuple[Hit, ...]:
    """Raises StudioError `download.failed`, `model.gated`."""
    return _said(order.query, order.route.hub, lambda: _search(order))


def read_licence(order: ReadLicence, traffic: Traffic) -> str:
    """The text in the repository, "" where it has none. Raises as `search`."""
    return _said(order.repo, order.route.hub, lambda: _read_licence(order, traffic))


def licence_tag(tags: list[str]) -> str:
    """As the page of a model names its licence, "" where it does not."""
    found = next((tag.removeprefix("license:") for tag in tags if tag.startswith("license:")), "")
    return found if _TAG.fullmatch(found) else ""


def _search(order: Search) -> tuple[Hit, ...]:
    api = hub.api_of(addresses.check(order.route.hub), order.route)
    try:
        found = api.list_models(
            search=order.query or None,
            pipeline_tag=TASKS.get(order.task),
            sort=SORTS[order.sort],  # pyright: ignore[reportArgumentType]
            limit=min(order.limit, MOST),
            expand=_WANTED,  # pyright: ignore[reportArgumentType]
        )
        return tuple(_hit(info) for info in found)
    except (HfHubHTTPError, httpx2.HTTPError, OSError, ValueError, KeyError) as error:
        raise UnreachableError(f"the hub: {type(error).__name__}: {error}") from error


def _hit(info: ModelInfo) -> Hit:
    task = next((ours for ours, theirs in TASKS.items() if theirs == info.pipeline_tag), "")
    return Hit(
        repo=info.id,
        task=task,
        downloads=info.downloads or 0,
        likes=info.likes or 0,
        updated=info.last_modified.timestamp() if info.last_modified else None,
        licence=licence_tag(info.tags or []),
        gated=bool(info.gated),
    )


def _read_licence(order: ReadLicence, traffic: Traffic) -> str:
    endpoint = addresses.check(order.route.hub)
    tree = hub.tree_of(hub.info_of(order.repo, order.revision, endpoint, order.route))
    files = [file for file in tree.files if _LICENCE_FILE.fullmatch(file.path) and file.bytes <= LONGEST]
    if not files:
        return ""
    file = min(files, key=lambda each: (len(each.path), each.path))
    with open_client(order.route, timeout=TIMEOUT) as client:
        address = on_hub(order.repo, tree.commit, endpoint)
        every = beginnings(client, tree, address, order.route, traffic)
        return every[file.path].read(0, file.bytes).decode("utf-8", "replace")


def _said(name: str, endpoint: str, look: Callable[[], T]) -> T:
    """What *look* finds; its troubles in the studio's words."""
    try:
        return look()
    except (DeniedError, GatedRepoError) as error:
        url = f"{endpoint}/{name}"
        raise StudioError("model.gated", name=name, url=url, details=str(error)) from error
    except UnreachableError as error:
        raise _failed(name, "models.reason.unreachable", error, retryable=True) from error
    except (TransferError, AddressError, HeaderError) as error:
        raise _failed(name, "models.reason.nowhere", error) from error


def _failed(name: str, reason: str, error: Exception, *, retryable: bool = False) -> StudioError:
    details = str(error)
    return StudioError("download.failed", name=name, reason=reason, details=details, retryable=retryable)
