"""What the network page knows: settings, sources with their speeds, tokens and where they are kept."""

from __future__ import annotations

import time
from typing import Any

from msgspec import Struct

from studio.app.background import Background, failure_of
from studio.app.desk import Desk
from studio.app.observable import Property
from studio.domain.quantity import duration, speed
from studio.domain.text import t
from studio.services.downloads.mirrors import endpoint_of, host_of, name_of
from studio.services.settings import Settings
from studio.services.settings_words import value_of

RATES = (0, 500_000, 1_000_000, 2_000_000, 5_000_000, 10_000_000, 20_000_000, 50_000_000)


class SourceRow(Struct, frozen=True, kw_only=True):
    """One source as a row: `place` from 1 where it is asked, `share` of the fastest, 0..1."""

    name: str
    title: str
    host: str
    place: int | None
    words: str
    share: float
    failed: bool


class NetworkModel:
    """`measuring`: a speed test runs."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._studio = desk, desk.studio
        self.measuring: Property[bool] = Property(False)
        self._background = Background("the network page", lambda error: desk.complain(failure_of(error)))

    def close(self) -> None:
        self._background.close()

    # --- settings -----------------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        return self._studio.settings.value

    @property
    def kept_offline(self) -> bool:
        """By an option or a variable, whatever the setting says."""
        return self._studio.basis.kept_offline

    @property
    def hub_given(self) -> str:
        return host_of(self._studio.mirrors.given) if self._studio.mirrors.given else ""

    def change(self, name: str, value: Any) -> None:
        """Raises StudioError `param.invalid`, OSError."""
        self._studio.settings.change(**{name: value})

    def type(self, name: str, words: str) -> None:
        """As `change`, from what was typed."""
        self.change(name, value_of(name, words))

    # --- sources ------------------------------------------------------------------------------

    def sources(self) -> list[SourceRow]:
        """Those in use in their order, then the others."""
        mirrors = self._studio.mirrors
        order, latest = mirrors.order, mirrors.latest
        best = max((each.bytes_per_second for each in latest.speeds), default=0.0) if latest else 0.0
        rows: list[SourceRow] = []
        for endpoint in dict.fromkeys([*order, *mirrors.candidates()]):
            found = latest.of(endpoint) if latest else None
            name = name_of(endpoint)
            key = f"source.{name.replace('-', '_')}"
            rows.append(
                SourceRow(
                    name=name,
                    title=host_of(endpoint) if t(key) == key else t(key),
                    host=host_of(endpoint),
                    place=order.index(endpoint) + 1 if endpoint in order else None,
                    words=_speed_words(found.bytes_per_second) if found else "",
                    share=found.bytes_per_second / best if found and best else 0.0,
                    failed=found is not None and not found.bytes_per_second,
                )
            )
        return rows

    @property
    def measured(self) -> str:
        """How long ago, in words; "" for never."""
        latest = self._studio.mirrors.latest
        return t("settings.measured", time=duration(max(0.0, time.time() - latest.when))) if latest else ""

    def choose(self, name: str, used: bool) -> None:
        """Ask the source *name* too, last; or not any more. One is always left."""
        names = [*self._names()]
        if used and name not in names:
            names.append(name)
        elif not used and len(names) > 1:
            names.remove(name)
        self.change("mirrors", tuple(names))

    def move_up(self, name: str) -> None:
        """Ask *name* one place earlier."""
        names = [*self._names()]
        at = names.index(name)
        if at:
            names[at - 1], names[at] = names[at], names[at - 1]
        self.change("mirrors", tuple(names))

    def add(self, address: str) -> None:
        """Ask the source at *address* first. Raises StudioError `param.invalid`."""
        name = name_of(endpoint_of(address.strip()))
        self.change("mirrors", tuple(dict.fromkeys([name, *self._names()])))

    def automatic(self, on: bool) -> None:
        """By speed; or from now on in the order that this has found."""
        self.change("mirrors", () if on else tuple(self._names()))

    def _names(self) -> tuple[str, ...]:
        return self.settings.mirrors or tuple(name_of(each) for each in self._studio.mirrors.order)

    def measure(self) -> None:
        if not self.measuring.value:
            self.measuring.value = True
            self._background.start(self._measure())

    async def _measure(self) -> None:
        try:
            await self._studio.mirrors.measure()
        finally:
            self.measuring.value = False


def _speed_words(per_second: float) -> str:
    return speed(per_second) if per_second else t("settings.source.silent")
