"""Fetching a model, its licence shown first, with a line that moves."""

from __future__ import annotations

from studio.cli import terminal
from studio.cli.models import licence_words
from studio.cli.session import Bar
from studio.domain.model import Model
from studio.domain.quantity import duration, size, speed
from studio.domain.text import localized, t
from studio.services.downloads.state import DownloadState
from studio.services.studio import Studio


async def fetch(studio: Studio, model: Model) -> None:
    """Download *model* with a moving line. Raises StudioError, Cancelled; what has arrived is kept."""
    licence = model.licence
    title = localized(model.title)
    terminal.say(t("cli.models.terms", title=title, licence=licence_words(licence), url=licence.url))
    if licence.restrictions:
        terminal.say(localized(licence.restrictions))
    await follow(studio, [model])


async def follow(studio: Studio, models: list[Model]) -> None:
    """Download them with a moving line until each is here. Raises StudioError, Cancelled."""
    titles = {model.id: localized(model.title) for model in models}
    bar = Bar()

    def show(state: DownloadState) -> None:
        if state.id in titles:
            share = state.done_bytes / state.total_bytes if state.total_bytes else None
            bar.show(f"{titles[state.id]}: {t(f'cli.stage.{state.stage}')}", share, _moving(state))

    disconnect = studio.downloads.changed.connect(show)
    try:
        for model in models:
            studio.downloads.start(model.id)
        for model in models:
            await studio.downloads.wait(model.id)
    finally:
        disconnect()
        bar.close()
    for title in titles.values():
        terminal.say(t("cli.models.got", title=title))


def _moving(state: DownloadState) -> str:
    words = [f"{size(state.done_bytes)} / {size(state.total_bytes)}"] if state.total_bytes else []
    if state.bytes_per_second:
        words.append(speed(state.bytes_per_second))
    if state.remaining is not None:
        words.append(t("cli.about", time=duration(state.remaining)))
    return "  ".join(words)
