"""The one way to open an HTTP client: by the route's proxy, to permitted addresses, all bytes counted."""

from __future__ import annotations

import ipaddress
import ssl
import threading
import urllib.request
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx2

from studio.domain.failure import StudioError
from studio.services import network
from studio.services.downloads import addresses
from studio.services.downloads.route import DIRECT, Route
from studio.wire.offline import is_local

TIMEOUT = httpx2.Timeout(30.0, connect=10.0)
LIMITS = httpx2.Limits(max_connections=64, max_keepalive_connections=32)


def open_client(
    route: Route,
    *,
    timeout: httpx2.Timeout = TIMEOUT,
    follow: bool = False,
    certificates: str | None = None,
    otherwise: str | None = None,
) -> httpx2.Client:
    """A client for use in the current `because` of the network, from any thread.

    *follow*: redirects are followed; each is checked as the first address is (AddressError), and tokens
    are not taken along. *certificates*: a file of authorities instead of the system's. *otherwise*: the
    proxy where the route names none. Raises StudioError `network.proxy`, OSError.
    """
    return httpx2.Client(
        transport=_Ways(route.proxy or otherwise or "", certificates),
        timeout=timeout,
        follow_redirects=follow,
        event_hooks={"request": [_check]},
    )


def proxy_for(url: str, wanted: str) -> str | None:
    """The proxy to reach *url* through. *wanted* as `Route.proxy`. Never one for this computer itself."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if wanted == DIRECT or is_local(host) or _excepted(host, parts.port):
        return None
    if not wanted:
        known = urllib.request.getproxies()
        wanted = known.get(parts.scheme) or known.get("all") or ""
    if not wanted:
        return None
    address = wanted if "://" in wanted else f"http://{wanted}"
    scheme, _, rest = address.partition("://")
    return f"{'socks5' if scheme == 'socks' else scheme}://{rest}"


def _excepted(host: str, port: int | None) -> bool:
    """Whether NO_PROXY, or the system where there are no such variables, names *host*."""
    if urllib.request.proxy_bypass(f"{host}:{port}" if port else host):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(address in net for net in _networks(urllib.request.getproxies().get("no", "")))


def _networks(names: str) -> Iterator[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    for name in names.split(","):
        try:
            yield ipaddress.ip_network(name.strip(), strict=False)
        except ValueError:
            continue  # a name


def _check(request: httpx2.Request) -> None:
    addresses.check(str(request.url))


class _Ways(httpx2.BaseTransport):
    """One transport for each proxy, and the direct one; opened when first used."""

    def __init__(self, proxy: str, certificates: str | None) -> None:
        self._proxy = proxy
        self._use = network.current()
        self._lock = threading.Lock()
        self._ways: dict[str | None, httpx2.HTTPTransport] = {}
        self._context = ssl.create_default_context(cafile=certificates) if certificates else None
        if proxy and proxy != DIRECT:  # what is wrong in the settings is said before anything is tried
            self._way(proxy_for("https://example.invalid", proxy) or None)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        proxy = proxy_for(str(request.url), self._proxy)
        way = self._way(proxy)
        with network.within(self._use) as use:
            if proxy and use:
                use.contacted(f"{request.url.host}:{request.url.port or 443}")
            if use:
                use.count(sent=_size(request.headers) + int(request.headers.get("Content-Length", 0)))
            response = way.handle_request(request)
        if use:
            use.count(received=_size(response.headers))
            assert isinstance(response.stream, httpx2.SyncByteStream)
            response.stream = _Counted(response.stream, use)
        return response

    def close(self) -> None:
        for way in self._ways.values():
            way.close()

    def _way(self, proxy: str | None) -> httpx2.HTTPTransport:
        with self._lock:
            if proxy not in self._ways:
                self._ways[proxy] = self._open(proxy)
            return self._ways[proxy]

    def _open(self, proxy: str | None) -> httpx2.HTTPTransport:
        if self._context is None:
            self._context = httpx2.create_ssl_context()
        try:
            return httpx2.HTTPTransport(verify=self._context, proxy=proxy, limits=LIMITS)
        except ImportError as error:  # the package that speaks SOCKS
            reason = "network.proxy.socks"
            raise _refused(proxy, reason, error) from error
        except (ValueError, httpx2.InvalidURL) as error:
            raise _refused(proxy, "network.proxy.form", error) from error


def _refused(proxy: str | None, reason: str, error: Exception) -> StudioError:
    where = addresses.without_secrets(proxy or "")
    return StudioError("network.proxy", proxy=where, reason=reason, details=type(error).__name__)


def _size(headers: httpx2.Headers) -> int:
    """About what the first line and the headers took."""
    return 40 + sum(len(name) + len(value) + 4 for name, value in headers.raw)


class _Counted(httpx2.SyncByteStream):
    def __init__(self, stream: httpx2.SyncByteStream, use: network.OpenUse) -> None:
        self._stream, self._use = stream, use

    def __iter__(self) -> Iterator[bytes]:
        for data in self._stream:
            self._use.count(received=len(data))
            yield data

    def close(self) -> None:
        self._stream.close()
