"""How a helper gets out: where repositories are asked for, through which proxy, with whose tokens.

One value, made in the studio from the settings and the environment, carried by the order of every helper.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec
from msgspec import Struct

from studio.domain.model import Hub, Source
from studio.services.downloads.addresses import same_host

HUB = "https://huggingface.co"
HUB_MIRROR = "https://hf-mirror.com"
MODELSCOPE = "https://modelscope.cn"

MIRRORS = {"hub": HUB, "hf-mirror": HUB_MIRROR, "modelscope": MODELSCOPE}
"""By the name that settings have for it."""

DIRECT = "none"
"""As a proxy: none, whatever the environment says."""


class Route(Struct, frozen=True, kw_only=True):
    """`origin` is the hub's own address: its hashes count wherever it answers.

    `endpoints`: where to ask, the first choice first: the hub, mirrors that speak its protocol, `modelscope`.
    `proxy`: "" as the environment and the system say, DIRECT, or an address (http, https, socks5, socks5h).
    `package_index`: "" pip's own.
    `tokens` by the endpoint that they belong to: only `headers` reads them, so that no other host gets one.
    """

    origin: str = HUB
    endpoints: tuple[str, ...] = (HUB,)
    modelscope: str = MODELSCOPE
    proxy: str = ""
    package_index: str = ""
    tokens: dict[str, str] = {}

    @property
    def hubs(self) -> tuple[str, ...]:
        """The endpoints that speak the hub's protocol; never empty."""
        return tuple(each for each in self.endpoints if each != self.modelscope) or (self.origin,)

    @property
    def hub(self) -> str:
        """Where the hub's API is asked first."""
        return self.hubs[0]

    def token(self, address: str) -> str | None:
        """The token that may go to *address*: its host, port and scheme are those it belongs to."""
        return next((token for host, token in self.tokens.items() if same_host(host, address)), None)

    def headers(self, address: str) -> dict[str, str]:
        """What a request to *address* says of who asks: nothing, unless a token belongs there."""
        token = self.token(address)
        if token is None:
            return {}
        headers = {"Authorization": f"Bearer {token}"}
        if same_host(address, self.modelscope):  # its older addresses know a cookie only
            headers["Cookie"] = f"m_session_id={token}"
        return headers


def hub_of(environment: Mapping[str, str] = os.environ) -> str:
    """The address that HF_ENDPOINT names instead of the hub's, "" without it."""
    return environment.get("HF_ENDPOINT", "").strip().rstrip("/")


def with_environment(route: Route, environment: Mapping[str, str] = os.environ) -> Route:
    """*route*, but HF_ENDPOINT decides alone where the hub is, as in every program that knows it.

    A public mirror that it names stays a mirror. Any other address is a hub of its own, which is the
    judge of its own hashes; the hub's token is not its token.
    """
    named = hub_of(environment)
    if not named:
        return route
    endpoints = (named, *(each for each in route.endpoints if each == route.modelscope))
    origin = route.origin if named in (HUB_MIRROR, route.origin) else named
    return msgspec.structs.replace(route, endpoints=endpoints, origin=origin)


def ordered(sources: Sequence[Source], route: Route) -> list[tuple[int, Source]]:
    """*sources* with their numbers, in the order to try: ModelScope before the hub where it is preferred."""
    first = route.endpoints[:1] == (route.modelscope,)
    numbered = list(enumerate(sources))
    return sorted(numbered, key=lambda each: first and isinstance(each[1], Hub))


class FindRoute(Protocol):
    """How a helper gets out now; *repositories*: whether it will ask for any."""

    async def __call__(self, *, repositories: bool = True) -> Route: ...


async def usual_route(*, repositories: bool = True) -> Route:  # noqa: ARG001
    """Without any settings."""
    return with_environment(Route())
