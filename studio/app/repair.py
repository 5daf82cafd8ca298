"""The one button for a model whose files are not right: fetch again what is wrong, and show how it goes."""

from __future__ import annotations

import asyncio
import logging

from studio.app.desk import Desk
from studio.domain.failure import Cancelled, Failure, StudioError
from studio.domain.text import t
from studio.services.store.store import Stored

log = logging.getLogger(__name__)

CODES = ("model.missing_file", "model.hash_mismatch")


def repairable(desk: Desk, failure: Failure, model_id: str) -> Stored | None:
    """The stored model that *failure* is about; None where a repair would not help."""
    found = desk.studio.library.store.of(model_id) if failure.code in CODES else []
    return found[0] if found else None


def repair(desk: Desk, stored: Stored) -> None:
    """Start it, on the page where it is seen."""
    desk.go("disk")
    task = asyncio.ensure_future(_repair(desk.of("disk"), stored))
    task.add_done_callback(_report)


async def _repair(desk: Desk, stored: Stored) -> None:
    try:
        await desk.studio.upkeep.repair(stored)
    except StudioError as error:
        desk.complain(error.failure)
    except Cancelled:
        return
    else:
        desk.say(t("disk.repaired", title=desk.studio.upkeep.title(stored)))


def _report(task: asyncio.Future[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("a model could not be repaired", exc_info=error)
