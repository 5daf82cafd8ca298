"""One file from its server into its part: what is asked, which answers are believed, when is given up."""

from __future__ import annotations

import logging
import random
import socket
import threading
from collections.abc import Callable

import httpx2

from studio.services.downloads import addresses
from studio.services.downloads.ledger import Origin
from studio.services.downloads.limit import Limit
from studio.services.downloads.part import Claim, Lost, Part
from studio.services.downloads.transfer import (
    BUSY,
    DeniedError,
    Item,
    TransferError,
    UnreachableError,
    WrongContentError,
    follow,
    retry_after,
    total_of,
)
from studio.services.network import Traffic

log = logging.getLogger(__name__)

ATTEMPTS = 6
LONGEST_PAUSE = 30.0
LONGEST_RETRY_AFTER = 300.0
RESTARTS = 3
"""How often a file is begun anew because the server seems to have another one now."""

Sleep = Callable[[float], object]


class Line:
    """What all streams of a download share on their way out. `stop` ends them, also those that wait."""

    def __init__(
        self, client: httpx2.Client, traffic: Traffic, limit: Limit | None, sleep: Sleep | None
    ) -> None:
        self.client = client
        self.stopped = threading.Event()
        self.sleep = sleep or self.stopped.wait
        self._traffic, self._limit = traffic, limit
        self._lock = threading.Lock()
        self._open: set[httpx2.Response] = set()

    def opened(self, response: httpx2.Response) -> None:
        with self._lock:
            self._open.add(response)

    def close(self, response: httpx2.Response) -> None:
        with self._lock:
            self._open.discard(response)
        response.close()

    def received(self, count: int) -> None:
        """Count bytes, and wait as long as the limit wants. Raises Lost once stopped."""
        with self._lock:
            self._traffic.received += count
        if self._limit:
            self._limit.take(count, self.sleep)
        if self.stopped.is_set():
            raise Lost

    def stop(self) -> None:
        self.stopped.set()
        with self._lock:
            waiting = list(self._open)
        for response in waiting:
            stream = response.extensions.get("network_stream")
            connection = stream.get_extra_info("socket") if stream else None
            if connection is not None:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    log.debug("a connection was closed already")


class Filling:
    """The streams of one file; each brings a claim of its own."""

    def __init__(self, item: Item, part: Part, line: Line) -> None:
        self.item, self.part, self._line = item, part, line
        self._restarts = 0

    def fill(self, claim: Claim) -> None:
        """Ask until the range is here; give up after ATTEMPTS in a row that brought nothing.

        Raises Lost when the range belongs to nobody any more, TransferError, AddressError, OSError.
        """
        have, fruitless = self.part.have, 0
        while not claim.filled:
            try:
                pause, trouble = self._ask(claim), "the server is busy"
            except httpx2.TransportError as error:
                pause, trouble = 0.0, f"{type(error).__name__}: {error}"
            if self._line.stopped.is_set() or claim.lost:
                raise Lost
            if claim.filled:
                return
            before, have = have, self.part.have
            fruitless = 0 if have > before else fruitless + 1
            if fruitless >= ATTEMPTS or pause > LONGEST_RETRY_AFTER:
                raise UnreachableError(f"{addresses.without_secrets(self.item.url)}: {trouble}")
            log.info("%s: %s; trying again", self.item.name, trouble)
            # Longer each time, never all streams at the same moment, at least as the server asks.
            backoff = min(LONGEST_PAUSE, 0.5 * 2**fruitless) * random.uniform(0.7, 1.3)
            self._line.sleep(max(pause, backoff))

    def _ask(self, claim: Claim) -> float:
        """One request for what is missing of *claim*. Returns how long the server asks to wait."""
        part, item = self.part, self.item
        if part.undivided and claim.at:
            part.restart(claim, keep=True)
        headers = {"Accept-Encoding": "identity"}
        start = claim.at
        if start or claim.end != part.size:
            headers["Range"] = f"bytes={start}-" + (f"{claim.end - 1}" if claim.end else "")
            if part.origin.etag and part.origin.url == item.url:
                headers["If-Range"] = part.origin.etag
        response = follow(self._line.client, item, headers)
        self._line.opened(response)
        try:
            status = response.status_code
            where = addresses.without_secrets(item.url)
            if status in BUSY:
                return retry_after(response.headers.get("Retry-After"))
            if status in (401, 403, 407):
                raise DeniedError(f"{where}: status {status}")
            if status == 416:
                self._nothing_there(claim, response)
            elif status not in (200, 206):
                raise TransferError(f"{where}: status {status}")
            elif self._suits(claim, response, ranged="Range" in headers):
                self._receive(claim, response)
            return 0.0
        finally:
            self._line.close(response)

    def _nothing_there(self, claim: Claim, response: httpx2.Response) -> None:
        """The server has no such range: either that is the end, or it has another file now."""
        if self.part.size is None and response.headers.get("Content-Range") == f"bytes */{claim.at}":
            self.part.end_at(claim.at)
        else:
            self._restart(claim, f"the server has nothing after {claim.at} bytes")

    def _suits(self, claim: Claim, response: httpx2.Response, *, ranged: bool) -> bool:
        """Whether the answer's body goes on where *claim* is, which may have been moved for that."""
        part, name = self.part, self.item.name
        if response.headers.get("Content-Encoding", "").lower() not in ("", "identity"):
            raise WrongContentError(f"{name}: it comes compressed, though that was not asked for")
        partial = response.status_code == 206
        total = total_of(response, claim.at)
        if total is not None and part.size not in (None, total):
            raise WrongContentError(f"{name}: the server has {total} bytes, not {part.size}")
        etag = response.headers.get("ETag", "")
        etag = "" if etag.startswith("W/") else etag
        before = part.origin
        changed = bool(before.etag and etag) and etag != before.etag and before.url == self.item.url
        if partial and changed:
            self._restart(claim, "it has changed on the server")
            return False
        if partial and (total is None or not ranged):
            log.info("%s: another range came than was asked for; the whole is asked for now", name)
            part.restart(claim, keep=True)
            part.undivided = True
            return False
        if not partial and ranged:
            part.restart(claim, keep=True)
            part.undivided = not changed  # the same in whole: it knows no ranges
        if total is not None:
            part.end_at(total)
        # A server that calls it something else each time is not asked for that name any more.
        part.remember(claim, Origin(self.item.url, etag if self._restarts < RESTARTS else ""))
        return True

    def _restart(self, claim: Claim, why: str) -> None:
        self.part.restart(claim)
        self._restarts += 1
        if self._restarts > RESTARTS:
            raise WrongContentError(f"{self.item.name}: {why}")
        log.info("%s: %s; beginning anew", self.item.name, why)

    def _receive(self, claim: Claim, response: httpx2.Response) -> None:
        for data in response.iter_raw():
            self._line.received(len(data))
            room = len(data) if claim.end is None else claim.end - claim.at
            claim.write(data[:room])
            if len(data) > room:
                if claim.end == self.part.size:
                    self._restart(claim, f"more bytes came than {claim.end}")
                return
        if claim.end is None and "Content-Length" not in response.headers:
            self.part.end_at(claim.at)  # nobody knew: the end is the end
        if not claim.filled:
            raise httpx2.RemoteProtocolError(f"ended at {claim.at} of {claim.end} bytes")
