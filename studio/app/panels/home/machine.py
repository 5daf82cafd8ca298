"""This computer in a line."""

from __future__ import annotations

from studio.domain.machine import Machine
from studio.domain.text import t


def machine_words(machine: Machine | None) -> str:
    """ "8 cores  •  16 GB  •  NVIDIA RTX 4070"."""
    if machine is None:
        return ""
    cores = machine.cpu.physical_cores or machine.cpu.logical_cores
    cards = [card.name for card in machine.accelerators if card.present and card.usable is not False]
    return "  •  ".join(
        [
            t("home.cores", n=cores),
            f"{machine.ram.total_bytes / 1e9:.0f} GB",
            cards[0] if cards else t("home.no_gpu"),
        ]
    )
