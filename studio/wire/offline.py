"""No connection leaves this computer while it is forbidden: refused where Python opens sockets.

An audit hook sees every connect and every name lookup of this process, whichever library makes it.
Native code that opens sockets by itself is out of its sight: its own settings keep it home where it is used.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import socket
import sys
from collections.abc import Callable, Mapping
from typing import Any, Literal

_INTERNET = (socket.AF_INET, socket.AF_INET6)
_TRUE = frozenset(("1", "on", "yes", "true"))

Event = Literal["lookup", "connect", "refused"]
Observer = Callable[[str, int, Event], None]


class OfflineError(ConnectionError):
    """A connection that the offline switch refused."""

    def __init__(self, host: str) -> None:
        super().__init__(errno.ENETUNREACH, f"offline: no connection to {host}")


class _Guard:
    def __init__(self) -> None:
        self.forbidden = False
        self.no_sockets = False
        self.observer: Observer | None = None
        self.installed = False

    def install(self) -> None:
        if not self.installed:
            self.installed = True
            sys.addaudithook(self.hook)

    def hook(self, event: str, args: tuple[Any, ...]) -> None:
        if not event.startswith("socket."):
            return
        if event == "socket.__new__":
            if self.no_sockets and args[1] in _INTERNET:
                raise OfflineError("anywhere")
        elif event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
            self.look(args[1], "connect")
        elif event == "socket.getaddrinfo":
            self.look((args[0], args[1]), "lookup")
        elif event in ("socket.gethostbyname", "socket.gethostbyaddr"):
            self.look((args[0], 0), "lookup")

    def look(self, address: Any, event: Event) -> None:
        # Other families than the internet's have other addresses (a path); None is the connected peer.
        if not isinstance(address, tuple) or is_local(address[0]):  # pyright: ignore[reportUnknownArgumentType]
            return
        host, port = _words(address)  # pyright: ignore[reportUnknownArgumentType]
        if self.observer:
            self.observer(host, port, "refused" if self.forbidden else event)
        if self.forbidden:
            raise OfflineError(host)


_guard = _Guard()


def forbid_sockets() -> None:
    """Forbid for good, and refuse even to open a socket that could reach another computer.

    For processes that never need one. On Windows pairs of sockets are such: there only their use is refused.
    """
    forbid()
    _guard.no_sockets = sys.platform != "win32"


def forbid(forbidden: bool = True) -> None:
    """Refuse (or allow again) every connection and name lookup of this process but to itself.

    They fail with OfflineError, an OSError.
    """
    _guard.install()
    _guard.forbidden = forbidden


def offline_by_environment(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether the user told every program of the hub to stay offline."""
    variables = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    return any(environment.get(name, "").strip().lower() in _TRUE for name in variables)


def forbidden() -> bool:
    """Whether the switch is on in this process."""
    return _guard.forbidden


def observe(observer: Observer | None) -> None:
    """Call *observer* with host, port and what happens, at every lookup of and connect to elsewhere."""
    _guard.install()
    _guard.observer = observer


def is_local(host: object) -> bool:
    """Whether *host*, a name or address, is this computer. A non-IP address family counts as local."""
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host is None or host == "":  # every own address, as a server asks for
        return True
    if not isinstance(host, str):
        return True
    if host.lower() == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback or address.is_unspecified


def _words(address: tuple[object, ...]) -> tuple[str, int]:
    host = address[0]
    port = address[1] if len(address) > 1 else 0
    return (
        host.decode("ascii", "replace") if isinstance(host, bytes) else str(host),
        int(port) if isinstance(port, int | str) and str(port).isdecimal() else 0,
    )
