"""What the first start knows: the starter pack, what it costs to fetch, how far it is."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from studio.app.desk import Desk
from studio.app.observable import Property
from studio.app.speed import speed_of
from studio.domain.failure import Failure, StudioError
from studio.domain.plan import Fit
from studio.services.downloads.downloads import DownloadState, State
from studio.services.library.library import Entry

_MOVING = (State.WAITING, State.RUNNING)


class Starter(Struct, frozen=True, kw_only=True):
    """One model of the pack. `download` is how it is on its way, `failure` why it is not."""

    entry: Entry
    download: DownloadState | None = None
    failure: Failure | None = None

    @property
    def here(self) -> bool:
        return self.entry.installed is not None

    @property
    def moving(self) -> bool:
        return not self.here and self.download is not None and self.download.state in _MOVING

    @property
    def bytes(self) -> int:
        """Still to fetch, as far as the manifest says."""
        return 0 if self.here else self.entry.model.fetch_bytes or self.entry.model.bytes or 0


class WelcomeModel:
    """`starters`: the pack. `fitting`: how many usable models fit into the memory here, of how many."""

    def __init__(self, desk: Desk) -> None:
        self._studio = desk.studio
        self.starters: Property[tuple[Starter, ...]] = Property(())
        self.offline: Property[bool] = Property(self._studio.offline)
        self.fitting: Property[tuple[int, int]] = Property((0, 0))
        self._refused: dict[str, Failure] = {}
        self._ends: tuple[Callable[[], None], ...] = (
            self._studio.library.changed.connect(lambda _: self._look()),
            self._studio.downloads.changed.connect(lambda _: self._look()),
            self._studio.settings.changed.connect(self._settings),
        )
        self._look()
        self.count()

    def close(self) -> None:
        for end in self._ends:
            end()

    @property
    def missing(self) -> list[Starter]:
        return [starter for starter in self.starters.value if not starter.here]

    @property
    def forced_offline(self) -> bool:
        """Offline by how the program was started: no button can change that."""
        return self._studio.offline and not self._studio.settings.value.offline

    def get(self) -> None:
        """Fetch what is missing. The licences were shown and this accepts them; it also goes online."""
        self._refused.clear()
        if self._studio.settings.value.offline:
            self._studio.settings.change(offline=False)
        for starter in self.missing:
            try:
                self._studio.downloads.start(starter.entry.model.id)
            except StudioError as error:
                self._refused[starter.entry.model.id] = error.failure
        self._look()

    def pause(self) -> None:
        """Stop fetching and keep what has come."""
        for starter in self.missing:
            self._studio.downloads.pause(starter.entry.model.id)

    def count(self) -> None:
        """Ask the estimate of every usable model whether it fits."""
        entries = [entry for entry in self._studio.library.entries() if entry.model.status == "ready"]
        fits = [speed_of(self._studio, entry, entry.model.tasks[0]).estimate for entry in entries]
        good = [one for one in fits if one is not None and one.fit in (Fit.GREEN, Fit.AMBER)]
        self.fitting.value = (len(good), len(entries))

    def _settings(self, _: object) -> None:
        self.offline.value = self._studio.offline

    def _look(self) -> None:
        states = self._studio.downloads.states
        self.starters.value = tuple(
            Starter(
                entry=entry,
                download=(state := states.get(entry.model.id)),
                failure=self._refused.get(entry.model.id) or (state.failure if state else None),
            )
            for entry in self._studio.library.starters()
        )
