"""This computer in a line."""

from __future__ import annotations

from studio.domain.machine import Machine, preferred
from studio.domain.text import t


def machine_words(machine: Machine | None) -> str:
    """ "8 cores  •  16 GB  •  NVIDIA RTX 4070"."""
    if machine is None:
        return ""
    cores = machine.cpu.physical_cores or machine.cpu.logical_cores
    card = preferred(machine)
    memory = machine.ram.total_bytes
    words = [
        t("home.cores", n=cores) if cores else "",
        f"{memory / 1e9:.0f} GB" if memory else "",
        card.name if card else t("home.no_gpu"),
    ]
    return "  •  ".join(filter(None, words))
