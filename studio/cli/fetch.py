"""Fetching a model, its licence shown first, with a line that moves."""

from __future__ import annotations

from studio.cli import terminal
from studio.cli.models import licence_words
from studio.cli.session import Bar, open_studio, run_async
from studio.domain.model import Model
from studio.domain.quantity import duration, size, speed
from studio.domain.text import localized, t
from studio.services.downloads.state import DownloadState
from studio.services.studio import Studio


def get(model_id: str, *, offline: bool) -> int:
    """Fetch a model, its licence shown first."""
    return run_async(_get(model_id, offline=offline))


async def _get(model_id: str, *, offline: bool) -> int:
    async with open_studio(offline=offline) as studio:
        entry = studio.library.entry(model_id)
        if entry.installed:
            terminal.say(t("cli.models.here_already", title=localized(entry.model.title)))
        else:
            await fetch(studio, entry.model)
    return terminal.DONE


async def fetch(studio: Studio, model: Model) -> None:
    """Download *model* with a moving line. Raises StudioError, Cancelled; what has arrived is kept."""
    licence = model.licence
    title = localized(model.title)
    terminal.say(t("cli.models.terms", title=title, licence=licence_words(licence), url=licence.url))
    if licence.restrictions:
        terminal.say(localized(licence.restrictions))
    bar = Bar()

    def show(state: DownloadState) -> None:
        if state.id == model.id:
            share = state.done_bytes / state.total_bytes if state.total_bytes else None
            bar.show(f"{title}: {t(f'cli.stage.{state.stage}')}", share, _moving(state))

    disconnect = studio.downloads.changed.connect(show)
    try:
        studio.downloads.start(model.id)
        await studio.downloads.wait(model.id)
    finally:
        disconnect()
        bar.close()
    terminal.say(t("cli.models.got", title=title))


def _moving(state: DownloadState) -> str:
    words = [f"{size(state.done_bytes)} / {size(state.total_bytes)}"] if state.total_bytes else []
    if state.bytes_per_second:
        words.append(speed(state.bytes_per_second))
    if state.remaining is not None:
        words.append(t("cli.about", time=duration(state.remaining)))
    return "  ".join(words)
