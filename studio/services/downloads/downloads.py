"""The downloads: which models are being fetched, in what order, and how far each is.

Each runs in a helper process of its own. Pausing and cancelling end that process, which is always
safe; the difference is whether what has arrived is kept.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import msgspec

from studio.domain.failure import Cancelled, Failure, StudioError
from studio.domain.model import Hub, Model, Online
from studio.domain.text import localized
from studio.services.downloads.ledger import arrived
from studio.services.downloads.limit import Limit
from studio.services.downloads.messages import RATE, Failed, Fetch, Paused, Progress
from studio.services.downloads.process import fetch_in_helper
from studio.services.downloads.rate import Rate
from studio.services.downloads.route import FindRoute, usual_route
from studio.services.downloads.state import DownloadState, State
from studio.services.event import Event
from studio.services.library.library import Library
from studio.services.store.layout import PARTS, key

TOGETHER = 2


class Downloads:
    """Used from one asyncio loop. `offline` and `route` are asked when a download starts.

    `together`: how many run at once. `limit`: the file of the rate that every download on this home
    shares, beside the logs when not given.
    """

    def __init__(
        self,
        library: Library,
        logs: Path,
        *,
        offline: Callable[[], bool] = lambda: False,
        route: FindRoute = usual_route,
        limit: Path | None = None,
        together: int = TOGETHER,
    ) -> None:
        self.states: dict[str, DownloadState] = {}
        self.changed: Event[DownloadState] = Event()
        self._library, self._logs = library, logs
        self._offline, self._route, self.together = offline, route, together
        self._limit = limit or logs / RATE
        self._waiting: deque[str] = deque()
        self._running: dict[str, asyncio.Task[DownloadState]] = {}
        self._accepted: dict[str, float] = {}
        self._licences: dict[str, str] = {}
        self._ends: dict[str, asyncio.Event] = {}
        self._stopped: dict[str, State] = {}
        library.changed.connect(lambda _: self._forget())
        for model_id, size in self._kept().items():
            model = library.entry(model_id).model
            total = model.fetch_bytes or model.bytes or 0
            self.states[model_id] = DownloadState(
                id=model_id, state=State.PAUSED, stage="download", done_bytes=size, total_bytes=total
            )

    # --- orders -----------------------------------------------------------------------------

    def start(self, model_id: str, licence: str = "") -> None:
        """Fetch a model, or go on with it. Its *licence*, in these words, was shown and this accepts it.

        Returns at once; does nothing for one that is here or on its way.
        Raises StudioError `model.missing`, `download.offline`.
        """
        entry = self._library.entry(model_id)
        state = self.states.get(model_id)
        if entry.installed or (state and not state.state.ended):
            return
        title = localized(entry.model.title)
        if not any(isinstance(source, Online) for source in entry.model.sources):
            raise StudioError("model.missing", name=title)
        if self._offline():
            raise StudioError("download.offline", name=title)
        self._accepted[model_id] = time.time()
        self._licences[model_id] = licence
        self._ends[model_id] = asyncio.Event()
        self._waiting.append(model_id)
        kept = state.done_bytes if state and state.state is State.PAUSED else 0
        total = entry.model.fetch_bytes or entry.model.bytes or 0
        self._set(DownloadState(id=model_id, state=State.WAITING, done_bytes=kept, total_bytes=total))
        self._fill()

    def pause(self, model_id: str) -> None:
        """Stop and keep what has arrived; `start` goes on. Nothing happens for one that has ended."""
        self._stop(model_id, State.PAUSED)

    def cancel(self, model_id: str) -> None:
        """Stop, or give up a paused or failed one, and delete what has arrived."""
        state = self.states.get(model_id)
        if state and state.state in (State.PAUSED, State.FAILED):
            self._discard(model_id)
            self._set(DownloadState(id=model_id, state=State.CANCELLED))
        else:
            self._stop(model_id, State.CANCELLED)

    def pause_all(self) -> None:
        """As when the studio goes offline: helpers are processes of their own."""
        for model_id in [*self._waiting, *self._running]:
            self.pause(model_id)

    def move(self, model_id: str, position: int) -> None:
        """Give a waiting one another place among those that wait, 0 the next to begin; else nothing."""
        if model_id in self._waiting:
            self._waiting.remove(model_id)
            self._waiting.insert(max(0, position), model_id)
            self.changed.emit(self.states[model_id])

    @property
    def waiting(self) -> list[str]:
        """Those that will begin, in that order."""
        return list(self._waiting)

    @property
    def order(self) -> list[str]:
        """Those that are not over: running, then waiting as they will begin, then paused and failed ones."""
        others = [state.id for state in self.states.values() if state.state in (State.PAUSED, State.FAILED)]
        return [*self._running, *self._waiting, *others]

    def limit(self, bytes_per_second: int) -> None:
        """All downloads together fetch at most so much, at once; 0 is no limit. Raises OSError."""
        Limit(self._limit).set(bytes_per_second)

    async def wait(self, model_id: str) -> None:
        """Until it is here. Raises StudioError when it fails, Cancelled when it is paused or cancelled."""
        while (state := self.states.get(model_id)) and not state.state.ended:
            await self._ends[model_id].wait()
        if state is None or state.state is State.DONE:
            return
        if state.failure:
            raise StudioError.of(state.failure)
        raise Cancelled

    async def close(self) -> None:
        """Pause everything and wait until no helper is left."""
        self.pause_all()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    # --- states -----------------------------------------------------------------------------

    def _set(self, state: DownloadState) -> None:
        self.states[state.id] = state
        if state.state.ended and state.id in self._ends:
            self._ends[state.id].set()
        self.changed.emit(state)

    def _fill(self) -> None:
        while self._waiting and len(self._running) < self.together:
            model_id = self._waiting.popleft()
            task = asyncio.get_running_loop().create_task(self._run(model_id))
            self._running[model_id] = task
            task.add_done_callback(lambda task, model_id=model_id: self._left(model_id, task))

    def _left(self, model_id: str, task: asyncio.Task[DownloadState]) -> None:
        """A download has ended: only now may it be told, since who hears it may start it again."""
        del self._running[model_id]
        stopped = self._stopped.pop(model_id, State.PAUSED)
        if task.cancelled():
            self._end(model_id, stopped)
        else:
            self._set(task.result())
            self._library.changed.emit(None)
        self._fill()

    def _stop(self, model_id: str, state: State) -> None:
        if model_id in self._waiting:
            self._waiting.remove(model_id)
            self._end(model_id, state)
        elif model_id in self._running:
            self._stopped[model_id] = state
            self._running[model_id].cancel()

    def _end(self, model_id: str, state: State) -> None:
        if state is State.CANCELLED:
            self._discard(model_id)
            self._set(DownloadState(id=model_id, state=state))
        else:
            last = self.states[model_id]
            self._set(_at_rest(last, state))

    def _forget(self) -> None:
        """What another process went on with and brought to its end is over here too."""
        for model_id in self.order:
            state = self.states[model_id]
            if state.state.ended and self._library.entry(model_id).installed:
                del self.states[model_id]

    def _discard(self, model_id: str) -> None:
        shutil.rmtree(self._library.folder / PARTS / key(model_id), ignore_errors=True)

    def _kept(self) -> dict[str, int]:
        """Unfinished downloads of an earlier run and the bytes that they have."""
        ids = [entry.model.id for entry in self._library.entries() if not entry.installed]
        known = {key(model_id): model_id for model_id in ids}
        parts = self._library.folder / PARTS
        folders = [folder for folder in parts.iterdir() if folder.is_dir()] if parts.is_dir() else []
        return {known[folder.name]: arrived(folder) for folder in folders if folder.name in known}

    # --- one download -----------------------------------------------------------------------

    async def _run(self, model_id: str) -> DownloadState:
        """Returns how it ended."""
        model = self._library.entry(model_id).model
        self._set(msgspec.structs.replace(self.states[model_id], state=State.RUNNING))
        speed = Rate()
        try:
            order = await self.fetch_order(model, self._accepted[model_id], self._licences[model_id])
            word = await fetch_in_helper(order, lambda news: self._moved(model_id, news, speed.of(news)))
        except OSError as error:
            word = Failed(failure=Failure(code="internal", values={"reason": str(error)}))
        last = self.states[model_id]
        if isinstance(word, Paused):
            return _at_rest(last, State.PAUSED)
        if isinstance(word, Failed):
            # A full disk is not the download's fault: it goes on where it was, once there is room.
            state = State.PAUSED if word.failure.code == "disk.full" else State.FAILED
            return _at_rest(last, state, word.failure)
        size = model.bytes or last.total_bytes
        return DownloadState(
            id=model_id, state=State.DONE, done_bytes=size, total_bytes=size, refused=word.refused
        )

    async def fetch_order(self, model: Model, accepted: float, licence_text: str = "") -> Fetch:
        """What tells a helper to fetch *model*, whose licence was accepted at *accepted*, POSIX seconds."""
        return Fetch(
            model=model,
            folder=str(self._library.folder),
            logs=str(self._logs),
            limit=str(self._limit),
            accepted=accepted,
            licence_text=licence_text,
            route=await self._route(repositories=any(isinstance(s, Hub) for s in model.sources)),
        )

    def _moved(self, model_id: str, progress: Progress, rate: float) -> None:
        left = (progress.total - progress.done) / rate if rate and progress.total else None
        self._set(
            DownloadState(
                id=model_id,
                state=State.RUNNING,
                stage=progress.stage,
                done_bytes=progress.done,
                total_bytes=progress.total,
                bytes_per_second=rate,
                remaining=left,
                files=progress.files,
            )
        )


def _at_rest(last: DownloadState, state: State, failure: Failure | None = None) -> DownloadState:
    return msgspec.structs.replace(
        last, state=state, failure=failure, bytes_per_second=0.0, remaining=None, files=()
    )
