"""Where a job can run whose device is not there any more, and the words for the button that does it."""

from __future__ import annotations

from dataclasses import dataclass, field

from studio.domain.failure import Failure
from studio.domain.text import t
from studio.services.studio import Studio


@dataclass(frozen=True)
class Elsewhere:
    """*device* is what a request asks for; *key* with *values* says "Run on ..."."""

    device: str
    key: str
    values: dict[str, str] = field(default_factory=dict)

    @property
    def words(self) -> str:
        return t(self.key, **self.values)


def elsewhere(studio: Studio, failure: Failure | None) -> Elsewhere | None:
    """The first accelerator that was tried and works, else the CPU; None for any other failure."""
    if failure is None or failure.code != "device.missing":
        return None
    for card in studio.machine.accelerators if studio.machine else ():
        if card.usable and card.device and card.device != failure.values.get("device"):
            return Elsewhere(card.device, "app.run_on", {"device": card.name})
    return Elsewhere("cpu", "app.run_on_cpu")
