"""Fetching models in a terminal: the licence first, then a table that moves; pausing and going on."""

from __future__ import annotations

import asyncio

from studio.cli import terminal
from studio.cli.board import Board
from studio.cli.home import open_library
from studio.cli.models import licence_words
from studio.cli.session import open_studio, run_async
from studio.domain.failure import Cancelled
from studio.domain.model import Model
from studio.domain.text import localized, t
from studio.services.downloads import pausing
from studio.services.downloads.state import State
from studio.services.store.layout import PARTS, key
from studio.services.studio import Studio


async def fetch(studio: Studio, model: Model) -> None:
    """Download *model*, its licence shown first. Raises StudioError, Cancelled; what has arrived is kept."""
    licence = model.licence
    title = localized(model.title)
    terminal.say(t("cli.models.terms", title=title, licence=licence_words(licence), url=licence.url))
    if licence.restrictions:
        terminal.say(localized(licence.restrictions))
    await follow(studio, [model])


def resume(ids: list[str], *, as_json: bool, offline: bool) -> int:
    """Go on with the downloads that were begun, all of them where none is named."""
    return run_async(_resume(ids, as_json=as_json, offline=offline))


async def _resume(ids: list[str], *, as_json: bool, offline: bool) -> int:
    async with open_studio(offline=offline) as studio:
        begun = [state.id for state in studio.downloads.states.values() if state.state is State.PAUSED]
        entries = [studio.library.entry(model_id) for model_id in ids or begun]
        await follow(studio, [entry.model for entry in entries if not entry.installed])
    _tell("resumed", [entry.model.id for entry in entries], as_json=as_json)
    return terminal.DONE


async def follow(studio: Studio, models: list[Model]) -> None:
    """Show them all until each is here. Raises StudioError, Cancelled, with words on how to go on."""
    titles = {model.id: localized(model.title) for model in models}
    with Board(titles) as board:
        disconnect = studio.downloads.changed.connect(board.show)
        try:
            for model in models:
                studio.downloads.start(model.id)
            for model in models:
                await studio.downloads.wait(model.id)
                board.say(t("cli.models.got", title=titles[model.id]))
                if refused := studio.downloads.states[model.id].refused:
                    board.say(t("downloads.refused", title=titles[model.id], sources=", ".join(refused)))
        except (asyncio.CancelledError, Cancelled):
            ids = " ".join(studio.downloads.order)
            board.say(t("downloads.go_on", command=f"{terminal.program()} models resume {ids}"))
            raise
        finally:
            disconnect()


def pause(ids: list[str], *, as_json: bool) -> int:
    """Stop what any window or terminal is fetching, all of it where nothing is named."""
    library = open_library()
    parts = library.folder / PARTS
    for model_id in ids:
        library.entry(model_id)  # a name that nobody knows is said to be one
    known = {key(model_id): model_id for model_id in ids or [each.model.id for each in library.entries()]}
    wanted = [each for each in pausing.running(parts) if each in known]
    paused = [known[each] for each in wanted if pausing.pause(parts, each)]
    if len(paused) < len(wanted):
        raise terminal.Refusal("download.failed", t("downloads.busy"), t("downloads.busy.hint"))
    _tell("paused", paused, as_json=as_json)
    return terminal.DONE


def _tell(what: str, ids: list[str], *, as_json: bool) -> None:
    if as_json:
        terminal.print_json({what: ids})
    elif not ids:
        terminal.say(t(f"downloads.none.{what}"))
    elif what == "paused":
        terminal.say(t("downloads.paused", ids=", ".join(ids)))
