"""What must never be imported by the window's process, whatever was shown and made."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

from studio.app.frame import Frame
from studio.domain.request import Request
from studio.services.studio import Studio
from tests.bench import models, window
from tests.bench.table import Row, holds

NEVER = ("torch", "diffusers", "transformers")


def measure(short: bool) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="bench-") as home:
        shown, made = window.run(Path(home), _use)
    found = [name for name in NEVER if name in sys.modules]
    return [
        Row(
            f"{', '.join(NEVER)} in the window's process",
            "never",
            ", ".join(found) or "none",
            f"after {shown} panels and {made} picture",
            holds(not found and made == 1),
        )
    ]


async def _use(studio: Studio, frame: Frame) -> tuple[int, int]:
    """Show every panel and make a picture. How many of each there were."""
    keys = window.panels(frame)
    for key in keys:
        frame.window.go(key)
        await asyncio.sleep(0.2)
    request = Request(
        task="image",
        family="stable_diffusion",
        model=str(models.ICONS),
        values={"prompt": "a red apple", "size": (64, 64), "steps": 4},
    )
    job = await studio.queue.wait(studio.queue.submit(request).id)
    return len(keys), len(job.artifacts)
