"""What Settings knows: the settings, what can be chosen, the report."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

from studio.domain.text import t
from studio.services.logs import report
from studio.services.settings import Settings
from studio.services.settings_words import check_folder
from studio.services.studio import Studio

IDLE_MINUTES = (0, 5, 15, 30, 60, 240)


class SettingsModel:
    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    @property
    def settings(self) -> Settings:
        return self._studio.settings.value

    @property
    def log_file(self) -> Path:
        return self._studio.paths.logs / "window.log"

    def folder(self, name: str) -> Path:
        """Where "outputs" or "models" lie."""
        chosen = getattr(self.settings, name)
        return Path(chosen or getattr(self._studio.paths, name))

    def change(self, name: str, value: Any) -> None:
        """Raises StudioError `output.unwritable` for a folder that cannot be written to, `param.invalid`."""
        if name in ("outputs", "models") and value:
            check_folder(Path(value))
        self._studio.settings.change(**{name: value})

    def devices(self) -> list[tuple[object, str]]:
        """Automatic, the processor, and every accelerator that is known; the chosen one in any case."""
        machine = self._studio.machine
        cards = machine.accelerators if machine else ()
        named = {card.device: f"{card.vendor} {card.name}" for card in cards if card.device}
        named = {"auto": "settings.device.auto", "cpu": "settings.device.cpu", **named}
        named.setdefault(self.settings.device, self.settings.device)
        return list(named.items())

    def threads(self) -> list[tuple[object, str]]:
        """Automatic, or any number up to the processor's own."""
        most = os.cpu_count() or 1
        numbers = sorted(
            {n for n in (1, 2, 4, 6, 8, 12, 16, 24, 32, most) if n <= most} | {self.settings.threads}
        )
        return [(n, str(n) if n else t("settings.threads.auto")) for n in sorted({0, *numbers})]

    async def report(self) -> str:
        """A text for a bug report, scrubbed. Raises OSError when a log cannot be read."""
        return await asyncio.to_thread(report, self._studio.paths)
