"""The download helpers of this process, and waiting for what they do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import psutil


def helpers() -> list[int]:
    """Processes below this one that run the helper."""
    found: list[int] = []
    for child in psutil.Process().children(recursive=True):
        try:
            if any("downloads.helper" in word for word in child.cmdline()):
                found.append(child.pid)
        except psutil.Error:
            continue
    return found


async def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)
