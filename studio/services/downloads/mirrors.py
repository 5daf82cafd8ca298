"""Which sources are asked, in what order: as the user chose, or as a speed test of the last day found."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote, urlsplit

import msgspec
from msgspec import Struct

from studio.domain.failure import StudioError
from studio.services.downloads.findings import Speed
from studio.services.downloads.messages import Measure
from studio.services.downloads.process import measure_in_helper
from studio.services.downloads.route import HUB, MIRRORS, Route, hub_of, with_environment
from studio.services.event import Event
from studio.services.settings import Settings
from studio.services.tokens import Tokens
from studio.wire import files

log = logging.getLogger(__name__)

KEPT_SECONDS = 86_400.0
FAILED_SECONDS = 600.0  # when nobody answered: the network may be back soon
TRUST = 2.0
"""The origin comes first unless a mirror is so many times faster: nobody else need be believed then."""


class Speeds(Struct, frozen=True, kw_only=True):
    """The last speed test, at `when` in POSIX seconds."""

    when: float
    speeds: tuple[Speed, ...]

    @property
    def any(self) -> bool:
        return any(speed.bytes_per_second for speed in self.speeds)

    def of(self, endpoint: str) -> Speed | None:
        return next((speed for speed in self.speeds if speed.endpoint == endpoint), None)


class Mirrors:
    """*file* keeps the last speed test. Used from one asyncio loop. `changed` when there is a new one."""

    def __init__(
        self,
        file: Path,
        logs: Path,
        *,
        settings: Callable[[], Settings],
        tokens: Tokens,
        offline: Callable[[], bool] = lambda: False,
        environment: Mapping[str, str] = os.environ,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.changed: Event[None] = Event()
        self._file, self._logs = file, logs
        self._settings, self._tokens, self._offline = settings, tokens, offline
        self._environment, self._clock = environment, clock
        self._latest: Speeds | None = None
        self._measuring: asyncio.Task[Speeds] | None = None

    @property
    def automatic(self) -> bool:
        return not self._settings().mirrors and not self.given

    @property
    def given(self) -> str:
        """What HF_ENDPOINT names, which is stronger than the settings."""
        return hub_of(self._environment)

    @property
    def latest(self) -> Speeds | None:
        """The last speed test, however old."""
        if self._latest is None:
            self._latest = self._read()
        return self._latest

    @property
    def order(self) -> tuple[str, ...]:
        """The endpoints as they are asked now, the first choice first."""
        return self._plain().endpoints

    async def route(self, *, repositories: bool = True, tokens: bool = True) -> Route:
        """How a helper gets out, with the *tokens*; if *repositories* are asked, after a speed test if due.

        Raises OSError when the tokens cannot be read.
        """
        if repositories and self.automatic and self._stale() and not self._offline():
            try:
                await self.measure()
            except (StudioError, OSError) as error:  # it is tried without
                log.warning("the sources could not be measured: %s", error)
        # In a thread: a keyring may ask the user first.
        known, password = await asyncio.to_thread(self._secrets, tokens=tokens)
        route = msgspec.structs.replace(self._plain(), tokens=known)
        return msgspec.structs.replace(route, proxy=_with_password(route.proxy, password))

    async def measure(self) -> Speeds:
        """Test every source that is known or chosen, in a helper; who asks meanwhile gets the same test.

        Raises StudioError `network.offline`, `network.proxy`; OSError.
        """
        if self._offline():
            raise StudioError("network.offline")
        if self._measuring is None:
            self._measuring = asyncio.ensure_future(self._measure())
            self._measuring.add_done_callback(self._measured)
        return await asyncio.shield(self._measuring)

    async def close(self) -> None:
        """End a test that runs, and wait for its helper."""
        if (task := self._measuring) is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def candidates(self) -> tuple[str, ...]:
        """Every source there is to choose from."""
        own = [endpoint_of(name) for name in self._settings().mirrors]
        return tuple(dict.fromkeys([*MIRRORS.values(), *own]))

    def _plain(self) -> Route:
        settings = self._settings()
        chosen = tuple(endpoint_of(name) for name in settings.mirrors) or self._by_speed()
        route = Route(endpoints=chosen, proxy=settings.proxy, package_index=settings.package_index)
        return with_environment(route, self._environment)

    def _by_speed(self) -> tuple[str, ...]:
        if self.latest is None:
            return (HUB,)
        answered = [speed for speed in self.latest.speeds if speed.bytes_per_second]
        answered.sort(key=lambda s: -s.bytes_per_second * (TRUST if s.endpoint == HUB else 1.0))
        return tuple(speed.endpoint for speed in answered) or (HUB,)

    def _stale(self) -> bool:
        if self.latest is None:
            return True
        age = self._clock() - self.latest.when
        return not 0 <= age < (KEPT_SECONDS if self.latest.any else FAILED_SECONDS)

    def _secrets(self, *, tokens: bool) -> tuple[dict[str, str], str | None]:
        named = "@" in self._settings().proxy
        password = self._tokens.proxy_password() if named else None
        return self._tokens.by_endpoint() if tokens else {}, password

    async def _measure(self) -> Speeds:
        way = await self.route(repositories=False, tokens=False)
        order = Measure(endpoints=self.candidates(), logs=str(self._logs), route=way)
        found = Speeds(when=self._clock(), speeds=await measure_in_helper(order))
        self._latest = found
        await asyncio.to_thread(self._keep, found)
        return found

    def _measured(self, task: asyncio.Task[Speeds]) -> None:
        self._measuring = None
        if not task.cancelled() and task.exception() is None:
            self.changed.emit(None)

    def _read(self) -> Speeds | None:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=Speeds)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            log.info("%s is not used: %s", self._file, error)
            return None

    def _keep(self, found: Speeds) -> None:
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            files.write(self._file, msgspec.json.encode(found))
        except OSError as error:  # it is measured again
            log.info("the speeds are not kept: %s", error)


def endpoint_of(name: str) -> str:
    """The address of a mirror as the settings name it."""
    return MIRRORS.get(name, name.rstrip("/"))


def name_of(endpoint: str) -> str:
    """As the settings and the terminal name it."""
    return next((name for name, known in MIRRORS.items() if known == endpoint), endpoint)


def host_of(endpoint: str) -> str:
    """As it is shown."""
    return urlsplit(endpoint).netloc or endpoint


def _with_password(proxy: str, password: str | None) -> str:
    """Into the address, where it names a user."""
    scheme, _, rest = proxy.partition("://")
    user, at, host = rest.rpartition("@")
    return f"{scheme}://{user}:{quote(password, safe='')}@{host}" if at and password else proxy
