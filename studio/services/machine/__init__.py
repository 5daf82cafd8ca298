"""What this computer is, without importing torch: facts (`read_machine`) and live figures (`Meter`)."""

from studio.services.machine.accelerators import tried
from studio.services.machine.meter import Figures, Meter
from studio.services.machine.read import read_machine, read_ram
from studio.services.machine.sources import Live, Recorder, Replay, Sources

__all__ = ["Figures", "Live", "Meter", "Recorder", "Replay", "Sources", "read_machine", "read_ram", "tried"]
