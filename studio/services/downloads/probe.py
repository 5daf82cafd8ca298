"""Looks at a model on a hub without fetching it: the tree, the configurations, the headers of its weights."""

from __future__ import annotations

import contextvars
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from functools import partial

import msgspec
from huggingface_hub.errors import GatedRepoError

from studio.domain.cost.packed import PackedFacts, pack
from studio.domain.failure import StudioError
from studio.domain.model import ModelFile
from studio.domain.remote import RemoteModel
from studio.services.downloads import addresses, hub, modelscope, names
from studio.services.downloads.addresses import AddressError
from studio.services.downloads.beginning import FIRST, TIMEOUT, Beginning
from studio.services.downloads.choice import INDEX, Choice, choose
from studio.services.downloads.client import open_client
from studio.services.downloads.looking import licence_tag
from studio.services.downloads.messages import Probe
from studio.services.downloads.names import UnsafeNameError
from studio.services.downloads.repository import RemotePath, beginnings, on_hub
from studio.services.downloads.transfer import (
    DeniedError,
    TransferError,
    UnreachableError,
    WrongContentError,
)
from studio.services.library.facts import read_facts
from studio.services.library.headers import MAX_INDEX, MAX_SAFETENSORS_HEADER, HeaderError, read_json
from studio.services.library.recognize import family_of
from studio.services.network import Traffic

TOGETHER = 4
MAX_PACKED = 16 * 2**20
_CONFIGS = ("config.json", "scheduler_config.json")


def probe(order: Probe, traffic: Traffic) -> RemoteModel:
    """Raises StudioError: `model.gated`, `model.unsafe`, `model.unrecognized`, `model.missing_file`,
    `download.failed`.
    """
    endpoint = order.route.hub
    try:
        return _probe(order, traffic, addresses.check(endpoint))
    except (DeniedError, GatedRepoError) as error:
        url = modelscope.page_of(order.repo, order.route) if order.modelscope else f"{endpoint}/{order.repo}"
        raise StudioError("model.gated", name=order.repo, url=url, details=str(error)) from error
    except HeaderError as error:
        raise StudioError("model.unrecognized", name=order.repo, details=str(error)) from error
    except UnreachableError as error:
        raise _failed(order, "models.reason.unreachable", error, retryable=True) from error
    except (WrongContentError, UnsafeNameError) as error:
        raise _failed(order, "models.reason.content", error) from error
    except (TransferError, AddressError) as error:
        raise _failed(order, "models.reason.nowhere", error) from error


def _failed(order: Probe, reason: str, error: Exception, *, retryable: bool = False) -> StudioError:
    details = str(error)
    return StudioError(
        "download.failed", name=order.repo, reason=reason, details=details, retryable=retryable
    )


def _probe(order: Probe, traffic: Traffic, endpoint: str) -> RemoteModel:
    with open_client(order.route, timeout=TIMEOUT) as client:
        if order.modelscope:
            tags, gated = [], False
            tree = modelscope.tree_of(client, order.repo, order.revision, order.route)
            address = partial(_on_modelscope, order, tree.commit)
        else:
            info = hub.info_of(order.repo, order.revision, endpoint, order.route)
            tree, tags, gated = hub.tree_of(info), info.tags or [], bool(info.gated)
            address = on_hub(order.repo, tree.commit, endpoint)
        every = beginnings(client, tree, address, order.route, traffic)
        files = {path: file for path, file in every.items() if _is_asked_for(path, order)}
        choice = _chosen(order, files)
        code = [path for path in files if path.endswith(".py")]
        seen = {path: files[path] for path in [*choice.paths, *code] if path in files}
        root = RemotePath(seen, "", order.repo)
        _read_ahead([root / path for path in choice.paths if path in files])
        place = root / choice.start if choice.start else root
        family, parameters = None, {}
        try:
            spec, _, parameters = family_of(place, order.repo)
            family = spec.name
        except StudioError as error:
            # What no family of this version loads can still be described; what is broken, not.
            if error.failure.code != "model.unrecognized":
                raise
        packed = pack(read_facts(place))
    _check_size(packed)
    fetched = {file.path: file for file in tree.files if file.path in choice.paths}
    names.all_safe(fetched)
    return RemoteModel(
        repo=order.repo,
        commit=tree.commit,
        family=family,
        packed=packed,
        files=tuple(
            ModelFile(path=path, bytes=file.bytes, sha256=file.sha256) for path, file in fetched.items()
        ),
        parameters=parameters,
        variant=choice.variant,
        variants=choice.variants,
        licence=licence_tag(tags),
        gated=gated,
        modelscope=order.modelscope,
    )


def _on_modelscope(order: Probe, commit: str, path: str) -> str:
    return modelscope.address_of(order.repo, path, commit, order.route)


def _is_asked_for(path: str, order: Probe) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in order.files)


def _chosen(order: Probe, files: dict[str, Beginning]) -> Choice:
    sizes = {path: file.size for path, file in files.items()}
    index = read_json(RemotePath(files, INDEX, order.repo)) if INDEX in sizes else None
    return choose(order.repo, sizes, index, order.variant)


def _read_ahead(places: list[RemotePath]) -> None:
    """Fetch side by side what will be looked at one by one."""
    pool = ThreadPoolExecutor(TOGETHER)
    try:
        # The reason that the record of connections gives goes along with the context.
        tasks = [pool.submit(contextvars.copy_context().run, _read, place) for place in places]
        for task in tasks:
            task.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _read(place: RemotePath) -> None:
    with place.open("rb") as file:
        if place.name.endswith(".safetensors"):
            length = int.from_bytes(file.read(8), "little")
            if length <= min(MAX_SAFETENSORS_HEADER, place.stat().st_size):
                file.read(length)
        elif place.name.endswith(".gguf"):
            file.read(FIRST)
        elif place.name in _CONFIGS or place.name.endswith(".index.json"):
            file.read(MAX_INDEX)


def _check_size(packed: PackedFacts) -> None:
    """What cannot be told in one message is no description of a model."""
    try:
        size = len(msgspec.json.encode(packed))
    except (ValueError, OverflowError, msgspec.MsgspecError) as error:
        raise HeaderError(f"it cannot be told: {error}") from error
    if size > MAX_PACKED:
        raise HeaderError("its description is too long")
