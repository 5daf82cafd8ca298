"""What is fetched over HTTP, and how one question to a server is asked and its answer read."""

from __future__ import annotations

import email.utils
import time

import httpx2
from msgspec import Struct

from studio.services.downloads import addresses

REDIRECTS = 10
TIMEOUT = httpx2.Timeout(30.0, connect=10.0)
BUSY = frozenset((408, 425, 429, 500, 502, 503, 504))


class TransferError(Exception):
    """The file could not be had from here; the text says why. Another source may have it.

    `item`: what was asked for, where that is known.
    """

    item: Item | None = None


class UnreachableError(TransferError):
    """Nobody answered, or only with errors, for as long as was tried."""


class DeniedError(TransferError):
    """The server wants to know who asks."""


class WrongContentError(TransferError):
    """What came, whole, is not what was promised."""


class Item(Struct, frozen=True, kw_only=True):
    """One file to get. One of the hashes is known; `blob` is git's id of the content and needs `bytes`.

    `unproven`: nobody says what it should be, and whatever comes whole is taken. `headers` go to the
    host of `url` only.
    """

    url: str
    name: str
    bytes: int | None = None
    sha256: str | None = None
    blob: str | None = None
    unproven: bool = False
    headers: dict[str, str] = {}

    @property
    def promise(self) -> str:
        """What the content is known by: another address with the same one has the same bytes."""
        return self.sha256 or self.blob or self.url


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
        url = addresses.joined(url, target)
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
