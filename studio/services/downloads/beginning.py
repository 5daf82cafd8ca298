"""The beginning of a file on a server, fetched by ranges as far as it is asked for, and kept."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable

import httpx2

from studio.services.downloads import addresses
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
from studio.services.library.headers import MAX_SAFETENSORS_HEADER, HeaderError

log = logging.getLogger(__name__)

FIRST, LARGEST = 2**16, 4 * 2**20
"""Bytes of the first piece, and of the later ones, which grow, at most."""

LIMIT = MAX_SAFETENSORS_HEADER + 2 * FIRST  # a buffer reads a little further than it is asked
ATTEMPTS = 3
LONGEST_RETRY_AFTER = 10.0
TIMEOUT = httpx2.Timeout(20.0, connect=5.0)


class Beginning:
    """Of the file *item*, whose size is known. *took* is told how many bytes came, and may raise."""

    def __init__(
        self,
        client: httpx2.Client,
        item: Item,
        took: Callable[[int], None],
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        assert item.bytes is not None
        self.size = item.bytes
        self._client, self._item, self._took, self._sleep = client, item, took, sleep
        self._data = bytearray()
        self._etag = ""
        self._changed = False

    def read(self, start: int, length: int) -> bytes:
        """*length* bytes from *start* on, fewer at the file's end.

        Raises HeaderError beyond LIMIT, TransferError, AddressError.
        """
        end = min(self.size, start + length)
        if end > LIMIT:
            raise HeaderError(f"{self._item.name}: its header is too long")
        if end > len(self._data):
            self._grow(end)
        return bytes(self._data[start:end])

    def _grow(self, end: int) -> None:
        for attempt in range(ATTEMPTS):
            try:
                have = len(self._data)
                more = max(FIRST, min(LARGEST, 3 * have))
                wait, trouble = self._ask(min(self.size, LIMIT, max(end, have + more))), "the server is busy"
            except httpx2.TransportError as error:
                wait, trouble = 0.0, f"{type(error).__name__}: {error}"
            if len(self._data) >= end:
                return
            log.info("%s: %s; trying again", self._item.name, trouble)
            if attempt == ATTEMPTS - 1 or wait > LONGEST_RETRY_AFTER:
                raise UnreachableError(f"{addresses.without_secrets(self._item.url)}: {trouble}")
            self._sleep(max(wait, 0.5 * 2**attempt * random.uniform(0.7, 1.3)))

    def _ask(self, end: int) -> float:
        """Ask for all before *end* that is not here. Returns how long the server asks to wait."""
        have = len(self._data)
        headers = {"Accept-Encoding": "identity", "Range": f"bytes={have}-{end - 1}"}
        if self._etag:
            headers["If-Range"] = self._etag
        response = follow(self._client, self._item, headers)
        try:
            status = response.status_code
            if status in BUSY:
                return retry_after(response.headers.get("Retry-After"))
            where = addresses.without_secrets(self._item.url)
            if status in (401, 403, 407):
                raise DeniedError(f"{where}: status {status}")
            if status == 416:
                raise WrongContentError(f"{self._item.name}: the server has less than {self.size} bytes")
            if status not in (200, 206):
                raise TransferError(f"{where}: status {status}")
            self._receive(response, have if status == 206 else 0, end)
            return 0.0
        finally:
            response.close()

    def _receive(self, response: httpx2.Response, start: int, end: int) -> None:
        """A server that knows no ranges sends the file from its beginning: what follows *end* is left."""
        total = total_of(response, start)
        if total is None and response.status_code == 206:
            raise WrongContentError(f"{self._item.name}: another range came than was asked for")
        if total not in (None, self.size):
            raise WrongContentError(f"{self._item.name}: the server has {total} bytes, not {self.size}")
        etag = response.headers.get("ETag", "")
        if self._etag and etag and etag != self._etag:
            if self._changed:
                raise WrongContentError(f"{self._item.name}: it changes while it is read")
            self._changed, self._etag = True, ""
            self._data.clear()
            return
        self._etag = "" if etag.startswith("W/") else etag
        del self._data[start:]
        for data in response.iter_raw():
            self._took(len(data))
            self._data += data[: end - len(self._data)]
            if len(self._data) >= end:
                break
