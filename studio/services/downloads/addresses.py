"""Which addresses may be asked: https, and http on this computer only. Checked again after each redirect."""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from studio.wire.offline import is_local


class AddressError(ValueError):
    """An address that is not asked; the text says why."""


def check(url: str) -> str:
    """*url* itself. Raises AddressError."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError as error:
        raise AddressError(str(error)) from error
    if not host or any(char.isspace() or char == "\\" for char in url):
        raise AddressError("no host")
    if parts.username or parts.password:
        raise AddressError("a password in the address")
    if parts.scheme == "https" or (parts.scheme == "http" and is_local(host)):
        return url
    raise AddressError(f"{parts.scheme} to {host} is not private")


def joined(base: str, target: str) -> str:
    """Where a redirect or link *target* on *base* leads. Raises AddressError."""
    try:
        return urljoin(base, target)
    except ValueError as error:
        raise AddressError(str(error)) from error


def same_host(one: str, other: str) -> bool:
    """Whether both go to the same host and port by the same scheme: where a token may go along."""
    try:
        return _where(one) == _where(other)
    except ValueError:  # no address at all
        return False


def _where(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def without_secrets(url: str) -> str:
    """For logs and messages: no query (signed addresses are keys), no user name."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}{parts.path}"
