"""One file over HTTP: resumed after any end, checked before it gets its name.

The part grows without buffering, so a kill loses nothing that was written. What is resumed may have
changed on the server; If-Range asks it to say so, and the hash at the end decides.
"""

from __future__ import annotations

import email.utils
import hashlib
import logging
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urljoin

import httpx2
import msgspec
from msgspec import Struct

from studio.services.downloads import addresses
from studio.services.network import Traffic
from studio.wire import files

log = logging.getLogger(__name__)

ATTEMPTS = 6
LONGEST_PAUSE = 30.0
LONGEST_RETRY_AFTER = 300.0
REDIRECTS = 10
TIMEOUT = httpx2.Timeout(30.0, connect=10.0)
BUSY = frozenset((408, 425, 429, 500, 502, 503, 504))


class TransferError(Exception):
    """The file could not be had from here; the text says why. Another source may have it."""


class UnreachableError(TransferError):
    """Nobody answered, or only with errors, for as long as was tried."""


class DeniedError(TransferError):
    """The server wants to know who asks."""


class WrongContentError(TransferError):
    """What came, whole, is not what was promised."""


class Item(Struct, frozen=True, kw_only=True):
    """One file to get. `bytes` and one of the hashes are known; `blob` is git's id of the content.

    Not `verified`: nobody says what its content must be. `headers` go to the host of `url` only.
    """

    url: str
    name: str
    bytes: int | None = None
    sha256: str | None = None
    blob: str | None = None
    headers: dict[str, str] = {}
    verified: bool = True


class _State(Struct, frozen=True, kw_only=True):
    """Beside a part: what it is a part of."""

    promise: str
    etag: str = ""


Report = Callable[[int], None]
"""Told how many bytes of the file are here; may be fewer than before when it begins anew."""


class Transfer:
    def __init__(
        self,
        client: httpx2.Client,
        item: Item,
        path: Path,
        report: Report,
        traffic: Traffic,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client, self._item, self._path = client, item, path
        self._report, self._traffic, self._sleep = report, traffic, sleep
        self._part = path.with_name(path.name + files.PART)
        self._note = path.with_name(path.name + ".state")
        self._state = _State(promise=item.sha256 or item.blob or item.url)

    def run(self) -> None:
        """Make the file be at its path, whole and checked. Raises TransferError, AddressError, OSError."""
        if self._path.exists():
            return
        self._adopt()
        for last in (False, True):
            self._fill()
            wrong = self._wrong()
            if wrong is None:
                self._publish()
                return
            log.warning("%s: %s", self._item.name, wrong)
            self._drop()
            if last:
                raise WrongContentError(wrong)

    # --- the part -----------------------------------------------------------------------------

    def _adopt(self) -> None:
        """Go on with a part of the same thing; drop one of another."""
        try:
            state = msgspec.json.decode(self._note.read_bytes(), type=_State)
        except (FileNotFoundError, msgspec.MsgspecError, UnicodeDecodeError):
            state = None
        if state and state.promise == self._state.promise:
            self._state = state
        else:
            self._drop()

    def _have(self) -> int:
        try:
            return self._part.stat().st_size
        except FileNotFoundError:
            return 0

    def _drop(self) -> None:
        self._part.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)
        self._state = _State(promise=self._state.promise)
        self._report(0)

    def _remember(self, etag: str) -> None:
        self._state = msgspec.structs.replace(self._state, etag=etag)
        files.write(self._note, msgspec.json.encode(self._state))

    def _wrong(self) -> str | None:
        """What is wrong with the finished part, None if nothing is."""
        size = self._have()
        if self._item.bytes is not None and size != self._item.bytes:
            return f"{size} bytes instead of {self._item.bytes}"
        with self._part.open("rb") as file:
            if self._item.sha256:
                found, promised = hashlib.file_digest(file, "sha256").hexdigest(), self._item.sha256
            elif self._item.blob:
                blob = hashlib.sha1(f"blob {size}\0".encode(), usedforsecurity=False)
                while data := file.read(2**20):
                    blob.update(data)
                found, promised = blob.hexdigest(), self._item.blob
            else:
                return "nothing says what it should be" if self._item.verified else None
        return None if found == promised else f"hash {found} instead of {promised}"

    def _publish(self) -> None:
        with self._part.open("rb") as file:
            os.fsync(file.fileno())
        self._part.replace(self._path)
        files.sync_folder(self._path.parent)
        self._note.unlink(missing_ok=True)

    # --- the server ---------------------------------------------------------------------------

    def _fill(self) -> None:
        """Ask until the part is complete; give up after ATTEMPTS in a row that brought nothing."""
        attempt = 0
        while True:
            before = self._have()
            self._report(before)
            try:
                wait = self._ask(before)
            except httpx2.TransportError as error:
                wait, trouble = None, f"{type(error).__name__}: {error}"
            else:
                if wait is None:
                    return
                trouble = "the server is busy"
            attempt = 0 if self._have() > before else attempt + 1
            if attempt >= ATTEMPTS or (wait or 0) > LONGEST_RETRY_AFTER:
                raise UnreachableError(f"{addresses.without_secrets(self._item.url)}: {trouble}")
            log.info("%s: %s; trying again", self._item.name, trouble)
            backoff = min(LONGEST_PAUSE, 0.5 * 2**attempt) * random.uniform(0.7, 1.3)
            self._sleep(max(wait or 0.0, backoff))

    def _ask(self, have: int) -> float | None:
        """One request. Returns None when the part is complete, else how long the server asks to wait."""
        if have and have == self._item.bytes:
            return None
        headers = {"Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
            if self._state.etag:
                headers["If-Range"] = self._state.etag
        response = follow(self._client, self._item, headers)
        try:
            status = response.status_code
            if status in BUSY:
                return retry_after(response.headers.get("Retry-After"))
            if status in (401, 403, 407):
                raise DeniedError(f"{addresses.without_secrets(self._item.url)}: status {status}")
            if status == 416:  # nothing follows what we have: it is all there is, or too much
                if response.headers.get("Content-Range") == f"bytes */{have}":
                    return None
                self._drop()
                return 0.0
            if status not in (200, 206):
                raise TransferError(f"{addresses.without_secrets(self._item.url)}: status {status}")
            return self._receive(response, have if status == 206 else 0)
        finally:
            response.close()

    def _receive(self, response: httpx2.Response, have: int) -> float | None:
        total = total_of(response, have)
        if total is None and have:  # 206, but not for what we asked: begin anew
            self._drop()
            return 0.0
        expected = self._item.bytes if self._item.bytes is not None else total
        if total is not None and total != expected:
            raise WrongContentError(f"{self._item.name}: the server has {total} bytes, not {expected}")
        etag = response.headers.get("ETag", "")
        if have and self._state.etag and etag and etag != self._state.etag:
            self._drop()
            return 0.0
        self._remember("" if etag.startswith("W/") else etag)
        with self._part.open("r+b" if have else "wb", buffering=0) as part:
            part.seek(have)
            for data in response.iter_raw():
                if expected is not None and have + len(data) > expected:
                    self._drop()
                    raise WrongContentError(f"{self._item.name}: more bytes came than {expected}")
                part.write(data)
                have += len(data)
                self._traffic.received += len(data)
                self._report(have)
        if expected is not None and have < expected:
            raise httpx2.RemoteProtocolError(f"ended at {have} of {expected} bytes")
        return None


def follow(client: httpx2.Client, item: Item, headers: dict[str, str]) -> httpx2.Response:
    """The answer for *item*, its body unread, behind every redirect.

    Raises AddressError for one to where nothing is asked, TransferError, httpx2.TransportError.
    """
    url = item.url
    for _ in range(REDIRECTS):
        own = item.headers if addresses.same_host(url, item.url) else {}
        try:
            request = client.build_request("GET", addresses.check(url), headers={**headers, **own})
        except httpx2.InvalidURL as error:
            raise addresses.AddressError(str(error)) from error
        response = client.send(request, stream=True, follow_redirects=False)
        target = response.headers.get("Location")
        if response.status_code not in (301, 302, 303, 307, 308) or not target:
            return response
        response.close()
        url = urljoin(url, target)
    raise TransferError(f"{addresses.without_secrets(item.url)}: redirected in a circle")


def total_of(response: httpx2.Response, have: int) -> int | None:
    """The size of the whole file as the answer says it; None when it does not, or answers another range."""
    try:
        if response.status_code == 206:
            unit, _, rest = response.headers.get("Content-Range", "").partition(" ")
            span, _, size = rest.partition("/")
            start = span.partition("-")[0]
            return int(size) if unit == "bytes" and int(start) == have else None
        return int(response.headers["Content-Length"]) if "Content-Length" in response.headers else None
    except ValueError:
        return None


def retry_after(value: str | None) -> float:
    """Seconds that a Retry-After header asks for, which may be a number or a date; 0 without one."""
    if not value:
        return 0.0
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - time.time())
    except (TypeError, ValueError):
        return 0.0
