"""What the studio can put right itself, by the names that findings carry."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from studio.domain.failure import StudioError

if TYPE_CHECKING:
    from studio.services.studio import Studio

Progress = Callable[[str, float], None]


def _unheard(_section: str, _done: float) -> None:
    pass


async def _create_folders(studio: Studio, _: Progress) -> None:
    def create() -> None:
        studio.paths.create()
        for folder in (studio.outputs(), studio.library.folder):
            folder.mkdir(parents=True, exist_ok=True)

    await asyncio.to_thread(create)


async def _measure(studio: Studio, progress: Progress) -> None:
    await studio.measure("auto", progress)


async def _free_memory(studio: Studio, _: Progress) -> None:
    await studio.engine.free_memory()


async def _empty_trash(studio: Studio, _: Progress) -> None:
    await studio.gallery.empty_trash()


async def _auto_device(studio: Studio, _: Progress) -> None:
    studio.settings.change(device="auto")


FIXES: dict[str, Callable[[Studio, Progress], Awaitable[None]]] = {
    "create_folders": _create_folders,
    "measure": _measure,
    "free_memory": _free_memory,
    "empty_trash": _empty_trash,
    "auto_device": _auto_device,
}


async def fix(studio: Studio, action: str, progress: Progress = _unheard) -> None:
    """Do *action*, one of `FIXES`, on a running *studio*.

    *progress*: as for `Studio.measure`, the only one that takes long. Raises StudioError, Cancelled when a
    job came.
    """
    try:
        await FIXES[action](studio, progress)
    except OSError as error:
        path, reason = str(error.filename or ""), error.strerror or type(error).__name__
        raise StudioError("output.unwritable", path=path, reason=reason) from error
