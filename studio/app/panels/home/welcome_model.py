"""What the first start knows: the starter pack, what it costs to fetch, how far it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec import Struct

from studio.app.desk import Desk
from studio.app.observable import Property
from studio.app.speed import speed_of
from studio.domain.failure import Failure, StudioError
from studio.domain.plan import Fit
from studio.services.downloads.state import DownloadState, State
from studio.services.library.library import Entry

if TYPE_CHECKING:
    from studio.services.studio import Studio

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
    """`starters`: the pack. `fitting`: how many usable models fit into the memory here, of how many;
    None while nobody knows.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk, self._basis = desk, desk.basis
        self._studio: Studio | None = None
        self.starters: Property[tuple[Starter, ...]] = Property(())
        self.offline: Property[bool] = Property(self._basis.offline)
        self.fitting: Property[tuple[int, int] | None] = Property(None)
        self._refused: dict[str, Failure] = {}
        self._ends: list[Callable[[], None]] = [
            self._basis.library.changed.connect(lambda _: self._look()),
            self._basis.settings.changed.connect(self._settings),
        ]
        self._look()
        desk.when_open(self._attend)

    def _attend(self) -> None:
        """The studio runs: it knows of downloads and estimates."""
        self._studio = self._desk.studio
        self._ends.append(self._studio.downloads.changed.connect(lambda _: self._look()))
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
        return self._basis.offline and not self._basis.settings.value.offline

    def get(self) -> None:
        """Fetch what is missing. The licences were shown and this accepts them; it also goes online."""
        self._desk.when_open(self._get)

    def _get(self) -> None:
        self._refused.clear()
        if self._basis.settings.value.offline:
            self._basis.settings.change(offline=False)
        for starter in self.missing:
            try:
                self._desk.studio.downloads.start(starter.entry.model.id)
            except StudioError as error:
                self._refused[starter.entry.model.id] = error.failure
        self._look()

    def pause(self) -> None:
        """Stop fetching and keep what has come."""
        for starter in self.missing:
            self._desk.studio.downloads.pause(starter.entry.model.id)

    def count(self) -> None:
        """Ask the estimate of every usable model whether it fits."""
        if self._studio is None:
            return
        entries = [entry for entry in self._basis.library.entries() if entry.model.status == "ready"]
        fits = [speed_of(self._studio, entry, entry.model.tasks[0]).estimate for entry in entries]
        good = [one for one in fits if one is not None and one.fit in (Fit.GREEN, Fit.AMBER)]
        self.fitting.value = (len(good), len(entries))

    def _settings(self, _: object) -> None:
        self.offline.value = self._basis.offline

    def _look(self) -> None:
        states = self._studio.downloads.states if self._studio else {}
        self.starters.value = tuple(
            Starter(
                entry=entry,
                download=(state := states.get(entry.model.id)),
                failure=self._refused.get(entry.model.id) or (state.failure if state else None),
            )
            for entry in self._basis.library.starters()
        )
