"""May this user fetch this repository? Asked of the hub itself, to say what is still missing."""

from __future__ import annotations

from typing import TypeVar

import httpx2
import msgspec
from msgspec import Struct

from studio.services.downloads import addresses
from studio.services.downloads.client import TIMEOUT, open_client
from studio.services.downloads.findings import Access
from studio.services.downloads.route import Route
from studio.services.downloads.transfer import BUSY

MAX_ANSWER = 2**20

T = TypeVar("T")


class _Who(Struct):
    name: str = ""


class _Repository(Struct):
    gated: bool | str = False


def look(repo: str, route: Route) -> Access:
    """Ask the hub who the token is, and whether it opens *repo* ("" asks only who). Raises StudioError."""
    with open_client(route, timeout=TIMEOUT, follow=True) as client:
        try:
            return _look(client, repo, route)
        except (httpx2.HTTPError, httpx2.InvalidURL, addresses.AddressError, OSError) as error:
            return Access(verdict="unreachable", details=str(error) or type(error).__name__)


def _look(client: httpx2.Client, repo: str, route: Route) -> Access:
    who = ""
    if route.token(route.origin):
        status, answer = _ask(client, f"{route.origin}/api/whoami-v2", route)
        if status in BUSY:
            return Access(verdict="unreachable", details=f"status {status}")
        if status != 200:
            return Access(verdict="bad_token", details=f"status {status}")
        who = _decode(answer, _Who).name
    if not repo:
        return Access(verdict="granted" if who else "no_token", who=who)
    status, answer = _ask(client, f"{route.origin}/api/models/{repo}", route)
    if status in BUSY:
        return Access(verdict="unreachable", who=who, details=f"status {status}")
    if status != 200:
        return Access(verdict="not_there" if who else "no_token", who=who, details=f"status {status}")
    if not _decode(answer, _Repository).gated:
        return Access(verdict="open", who=who)
    if not who:
        return Access(verdict="no_token")
    status, _ = _ask(client, f"{route.origin}/api/models/{repo}/auth-check", route)
    if status in BUSY:
        return Access(verdict="unreachable", who=who, details=f"status {status}")
    return Access(verdict="granted" if status == 200 else "not_accepted", who=who, details=f"status {status}")


def _ask(client: httpx2.Client, url: str, route: Route) -> tuple[int, bytes]:
    with client.stream("GET", url, headers=route.headers(url)) as response:
        answer = bytearray()
        for data in response.iter_bytes():
            answer += data
            if len(answer) > MAX_ANSWER:
                raise httpx2.DecodingError("the answer is too long")
        return response.status_code, bytes(answer)


def _decode(answer: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(answer, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise httpx2.DecodingError(f"no answer of a hub: {error}") from error
