"""Models on a hub, judged before they are here. What was seen is kept for a day.

A helper process goes online for each look; going offline or closing ends them.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from studio import __version__
from studio.domain.failure import StudioError
from studio.domain.model import Hub
from studio.domain.remote import Hit, RemoteModel
from studio.services.downloads.messages import Probe, ReadLicence, Search
from studio.services.downloads.pasted import understand
from studio.services.downloads.process import probe_in_helper, read_licence_in_helper, search_in_helper
from studio.services.downloads.route import FindRoute, Route, usual_route
from studio.wire import files

log = logging.getLogger(__name__)

T = TypeVar("T")
Order = TypeVar("Order", Probe, Search, ReadLicence)

KEPT_SECONDS = 86_400.0


class _Kept(Struct, frozen=True, kw_only=True):
    when: float
    model: RemoteModel


class Remote:
    """*folder* keeps what was seen. Used from one asyncio loop; `offline` and `route` are asked each time."""

    def __init__(
        self,
        folder: Path,
        logs: Path,
        *,
        offline: Callable[[], bool] = lambda: False,
        route: FindRoute = usual_route,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._folder, self._logs = folder, logs
        self._offline, self._route, self._clock = offline, route, clock
        self._running: set[asyncio.Task[Any]] = set()

    async def probe(self, name: str) -> RemoteModel:
        """Look at `OWNER/NAME[@REVISION][:VARIANT]`, or an address of its page. Cancelling it ends the look.

        Raises StudioError: `model.missing` for what is no such name, `download.offline`, `download.failed`,
        `model.gated`, `model.unsafe`, `model.unrecognized`, `model.missing_file`.
        """
        found = understand(name)
        if found is None:
            raise StudioError("model.missing", name=name)
        return await self._look(
            Probe(
                repo=found.repo,
                revision=found.revision,
                variant=found.variant,
                modelscope=found.modelscope,
                logs=str(self._logs),
            )
        )

    async def probe_source(self, source: Hub) -> RemoteModel:
        """Look at what a fetch from *source* would bring. Raises as `probe`."""
        return await self._look(
            Probe(repo=source.repo, revision=source.revision, files=source.files, logs=str(self._logs))
        )

    async def search(self, query: str, *, task: str = "", sort: str = "downloads") -> tuple[Hit, ...]:
        """Search the hub, by one of `looking.SORTS`. Cancelling it ends the search. Raises as `probe`."""
        order = Search(query=query, task=task, sort=sort, logs=str(self._logs))
        return await self._online(query, lambda route: search_in_helper(_by(order, route)))

    async def licence(self, source: Hub) -> str:
        """The licence that lies in the repository of *source*, "" without one. Raises as `probe`."""
        order = ReadLicence(repo=source.repo, revision=source.revision, logs=str(self._logs))
        return await self._online(source.repo, lambda route: read_licence_in_helper(_by(order, route)))

    def stop(self) -> None:
        """End every look; who waits for it is told that the studio is offline."""
        for task in self._running:
            task.cancel()

    async def close(self) -> None:
        """End every look and wait until no helper is left."""
        self.stop()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _look(self, order: Probe) -> RemoteModel:
        file = self._folder / f"{_key(order)}.json"
        kept = await asyncio.to_thread(self._read, file)
        if kept is not None:
            return kept
        model = await self._online(order.repo, lambda route: probe_in_helper(_by(order, route)))
        await asyncio.to_thread(self._keep, file, model)
        return model

    async def _online(self, name: str, ask: Callable[[Route], Awaitable[T]]) -> T:
        """What a helper finds; it ends when who asks is cancelled, or the studio goes offline."""
        if self._offline():
            raise StudioError("download.offline", name=name)

        async def found() -> T:
            return await ask(await self._route())

        task = asyncio.ensure_future(found())
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            return await task
        except asyncio.CancelledError:
            if (current := asyncio.current_task()) is not None and current.cancelling():
                raise
            raise StudioError("download.offline", name=name) from None
        except OSError as error:
            raise StudioError("internal", reason=str(error)) from error

    def _read(self, file: Path) -> RemoteModel | None:
        try:
            kept = msgspec.json.decode(file.read_bytes(), type=_Kept)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
            log.info("%s is not used: %s", file, error)
            return None
        return kept.model if 0 <= self._clock() - kept.when < KEPT_SECONDS else None

    def _keep(self, file: Path, model: RemoteModel) -> None:
        """Also takes away what is too old. A cache that cannot be written only costs time."""
        now = self._clock()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            for old in self._folder.glob("*.json"):
                if now - old.stat().st_mtime > KEPT_SECONDS:
                    old.unlink()
            files.write(file, msgspec.json.encode(_Kept(when=now, model=model)))
        except OSError as error:
            log.info("what was seen of %s is not kept: %s", model.repo, error)


def _by(order: Order, route: Route) -> Order:
    return msgspec.structs.replace(order, route=route)


def _key(order: Probe) -> str:
    """Other versions recognize other models, and a mirror may have others."""
    asked = [__version__, os.environ.get("HF_ENDPOINT", ""), order.repo, order.revision, order.variant]
    asked += ["modelscope"] * order.modelscope
    words = "\n".join([*asked, *order.files])
    return hashlib.sha256(words.encode()).hexdigest()[:32]
