"""Finds one wheel by name and version on the pages of package indexes, or in a folder of wheels.

Pages are read, never resolved: JSON where the index speaks it, HTML else, or a folder on this machine.
"""

from __future__ import annotations

import logging
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit
from urllib.request import url2pathname

import httpx2
import msgspec
from msgspec import Struct

from studio.domain.model import Wheel
from studio.services.downloads import addresses
from studio.services.downloads.pip import PipSettings
from studio.services.downloads.transfer import REDIRECTS, DeniedError, TransferError, UnreachableError

log = logging.getLogger(__name__)

MAX_PAGE = 32 * 2**20
_JSON = "application/vnd.pypi.simple.v1+json"
_ACCEPT = f"{_JSON}, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1"
_TIMEOUT = httpx2.Timeout(20.0, connect=5.0)


class Link(Struct, frozen=True):
    """A wheel on a page. `url` is https, http on this machine, or file. `sha256` as the page says it."""

    filename: str
    url: str
    sha256: str | None = None

    @property
    def path(self) -> Path | None:
        """Where it lies, if on this machine."""
        return _local(self.url)


class _JsonFile(Struct):
    filename: str
    url: str
    hashes: dict[str, str] = {}


class _JsonPage(Struct):
    files: list[_JsonFile]


class _HtmlPage(HTMLParser):
    def __init__(self, url: str) -> None:
        super().__init__()
        self.base, self.links = url, list[Link]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        target = dict(attrs).get("href")
        if tag == "base" and target:
            self.base = urljoin(self.base, target)
        elif tag == "a" and target:
            url, fragment = urldefrag(urljoin(self.base, target))
            sha256 = fragment.removeprefix("sha256=") if fragment.startswith("sha256=") else None
            self.links.append(Link(unquote(urlsplit(url).path.rpartition("/")[2]), url, sha256))


def find(client: httpx2.Client, settings: PipSettings, wheel: Wheel) -> Link:
    """Where to get *wheel*: places on this machine first, then the indexes in pip's order.

    Raises DeniedError when an index wants a password, UnreachableError when none answered,
    TransferError when none has it, WrongContentError never: hashes are checked on the bytes.
    """
    places = [*settings.find_links, *(_project(index, wheel.name) for index in settings.indexes)]
    places.sort(key=lambda place: _local(place) is None)
    troubles: list[TransferError] = []
    for place in places:
        try:
            links = _links(client, place)
        except addresses.AddressError as error:  # pip may be set up to go there; we are not
            troubles.append(DeniedError(f"{addresses.without_secrets(place)}: {error}"))
        except TransferError as error:
            troubles.append(error)
        else:
            for link in links:
                if _is(wheel, link):
                    return link
    for kind in (DeniedError, UnreachableError):
        for trouble in troubles:
            if isinstance(trouble, kind):
                raise trouble
    raise TransferError(f"{wheel.name} {wheel.version} is on no index")


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _project(index: str, name: str) -> str:
    return f"{index.rstrip('/')}/{normalized(name)}/"


def _is(wheel: Wheel, link: Link) -> bool:
    if not link.filename.endswith(".whl"):
        return False
    name, _, rest = link.filename.partition("-")
    same = normalized(name) == normalized(wheel.name) and rest.partition("-")[0] == wheel.version
    return same and link.sha256 in (None, wheel.sha256)


def _local(place: str) -> Path | None:
    """The path of a place on this machine, None for an address elsewhere."""
    if place.startswith("file:"):
        return Path(url2pathname(unquote(urlsplit(place).path)))
    return None if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", place) else Path(place).expanduser()


def _links(client: httpx2.Client, place: str) -> list[Link]:
    path = _local(place)
    if path is None:
        return _remote(client, place)
    if path.is_dir() and (path / "index.html").is_file():
        path = path / "index.html"
    try:
        if path.is_dir():
            return [Link(file.name, file.as_uri()) for file in path.glob("*.whl")]
        if path.is_file():
            return _parse(path.read_bytes()[:MAX_PAGE], "text/html", path.absolute().as_uri())
    except OSError as error:
        log.info("%s: %s", path, error)
    return []


def _remote(client: httpx2.Client, url: str) -> list[Link]:
    for _ in range(REDIRECTS):
        try:
            with client.stream(
                "GET", addresses.check(url), headers={"Accept": _ACCEPT}, timeout=_TIMEOUT
            ) as response:
                target = response.headers.get("Location")
                if response.status_code in (301, 302, 303, 307, 308) and target:
                    url = addresses.joined(url, target)
                    continue
                return _answer(response, url)
        except httpx2.TransportError as error:
            raise UnreachableError(f"{addresses.without_secrets(url)}: {error}") from error
        except httpx2.InvalidURL as error:
            raise addresses.AddressError(str(error)) from error
    raise TransferError(f"{addresses.without_secrets(url)}: redirected in a circle")


def _answer(response: httpx2.Response, url: str) -> list[Link]:
    where = addresses.without_secrets(url)
    if response.status_code in (401, 403, 407):
        raise DeniedError(f"{where}: status {response.status_code}")
    if response.status_code == 404:
        return []
    if response.status_code >= 500 or response.status_code == 429:
        raise UnreachableError(f"{where}: status {response.status_code}")
    if response.status_code != 200:
        raise TransferError(f"{where}: status {response.status_code}")
    page = bytearray()
    for data in response.iter_bytes():
        page += data
        if len(page) > MAX_PAGE:
            raise TransferError(f"{where}: the page is too large")
    return _parse(bytes(page), response.headers.get("Content-Type", ""), url)


def _parse(page: bytes, kind: str, url: str) -> list[Link]:
    if kind.startswith(_JSON):
        try:
            files = msgspec.json.decode(page, type=_JsonPage).files
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise TransferError(f"{addresses.without_secrets(url)}: {error}") from error
        return [Link(file.filename, urljoin(url, file.url), file.hashes.get("sha256")) for file in files]
    parser = _HtmlPage(url)
    parser.feed(page.decode("utf-8", "replace"))
    return parser.links
