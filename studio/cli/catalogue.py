"""`studio models get`, `search` and `licences`: finding a model, its terms, and fetching it."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import msgspec
from rich.text import Text

from studio.cli import terminal
from studio.cli.fetch import follow
from studio.cli.home import open_library
from studio.cli.models import licence_words
from studio.cli.options import Misuse, unknown
from studio.cli.session import open_studio, run_async
from studio.domain.failure import Cancelled, StudioError
from studio.domain.licence import Terms
from studio.domain.licence_words import lines, verdict
from studio.domain.model import Model, choices_of
from studio.domain.quantity import size
from studio.domain.remote import Hit
from studio.domain.text import localized, t
from studio.services.downloads.sorts import SORTS
from studio.services.library.library import Library
from studio.services.licences import terms_of
from studio.services.matching import matching
from studio.services.studio import Studio

LONGEST = 2000  # characters of a licence that are shown unasked


# --- get ---------------------------------------------------------------------------------------------


def get(name: str, *, variant: str, treat_as: str, yes: bool, as_json: bool, offline: bool) -> int:
    """Fetch what *name* means, its licence shown and accepted first."""
    return run_async(_get(name, variant, treat_as, yes=yes, as_json=as_json, offline=offline))


async def _get(name: str, variant: str, treat_as: str, *, yes: bool, as_json: bool, offline: bool) -> int:
    async with open_studio(offline=offline) as studio:
        model = await studio.offers.offer(name, variant=variant, treat_as=treat_as)
        title = localized(model.title)
        entry = studio.library.entry(model.id)
        if entry.installed:
            terminal.say(t("cli.models.here_already", title=title))
        else:
            await _fetch(studio, model, yes=yes)
            entry = studio.library.entry(model.id)
        if as_json:
            terminal.print_json({"id": model.id, "installed": msgspec.to_builtins(entry.installed)})
    return terminal.DONE


async def _fetch(studio: Studio, model: Model, *, yes: bool) -> None:
    title = localized(model.title)
    if model.status == "coming":
        raise StudioError("model.coming", name=title)
    if studio.offline:
        raise StudioError("download.offline", name=title)
    text = await _licence_of(studio, model)
    needed = studio.library.together(model)[1:]
    _show_terms(model, needed)
    if not yes:
        await _ask(text or model.licence.url)
    ids = studio.offers.get(model.id, text)
    await follow(studio, [studio.library.entry(each).model for each in ids])


async def _licence_of(studio: Studio, model: Model) -> str:
    """Its text, "" where it cannot be had now: its address is shown then."""
    try:
        return await studio.offers.licence_text(model)
    except StudioError as error:
        terminal.warn(error.failure.message)
        return ""


def _show_terms(model: Model, needed: list[Model]) -> None:
    title = localized(model.title)
    for choice in choices_of(model)[:1]:
        title = f"{title} ({choice.name})"
    words = licence_words(model.licence)
    terminal.say(t("cli.models.terms", title=title, licence=words, url=model.licence.url))
    for line in lines(terms_of([model, *needed])):
        terminal.say(f"  {line}")
    for each in needed:
        what = size(each.fetch_bytes or each.bytes or 0)
        terminal.say(t("cli.models.needs", title=localized(each.title), size=what))


async def _ask(text: str) -> None:
    """Raises Cancelled for no, Refusal where nobody can be asked."""
    if not sys.stdin.isatty():
        raise terminal.Refusal("licence", t("cli.models.not_asked"), t("cli.models.not_asked.hint"))
    while True:
        terminal.err().print(Text(t("cli.models.accept"), style="bold"), end=" ")
        answer = (await asyncio.to_thread(sys.stdin.readline)).strip().casefold()
        if answer in ("r", t("cli.models.read").casefold()):
            terminal.err().print(Text(text), soft_wrap=True)
        elif answer in ("y", "yes", t("cli.models.yes").casefold()):
            return
        else:
            raise Cancelled


# --- search ------------------------------------------------------------------------------------------


def search(query: str, *, task: str, sort: str, as_json: bool, offline: bool) -> int:
    """What the catalogue and the hub have for *query*."""
    library = open_library()
    tasks = list(dict.fromkeys(task for model in library.every() for task in model.tasks))
    if task and task not in tasks:
        raise Misuse(unknown(task, tasks))
    if sort not in SORTS:
        raise Misuse(unknown(sort, list(SORTS)))
    listed = [each for each in library.every() if matching(each, query) and (not task or task in each.tasks)]
    hits = run_async(_search(query, task, sort, offline=offline))
    if as_json:
        found = [{"id": model.id, "title": model.title, "tasks": model.tasks} for model in listed]
        terminal.print_json({"catalogue": found, "hub": msgspec.to_builtins(hits)})
        return terminal.DONE
    _show_listed(library, listed)
    _show_hits(hits)
    return terminal.DONE


async def _search(query: str, task: str, sort: str, *, offline: bool) -> tuple[Hit, ...] | None:
    """None where the hub could not be asked, which is said."""
    async with open_studio(offline=offline) as studio:
        try:
            return await studio.remote.search(query, task=task, sort=sort)
        except StudioError as error:
            terminal.warn(error.failure.message)
            return None


def _show_listed(library: Library, models: list[Model]) -> None:
    if not models:
        return
    table = terminal.table(t("cli.models.id"), t("cli.models.for"), ">" + t("cli.models.size"), "")
    for model in models:
        here = library.entry(model.id).installed is not None
        state = t("cli.models.here") if here else t("cli.models.coming") if model.status == "coming" else ""
        table.add_row(Text(model.id), _tasks(model), size(model.bytes) if model.bytes else "", state)
    terminal.out().print(Text(t("cli.search.listed"), style="bold"))
    terminal.out().print(table)


def _show_hits(hits: tuple[Hit, ...] | None) -> None:
    if hits is None:
        return
    if not hits:
        terminal.say(t("cli.search.nothing"))
        return
    table = terminal.table(
        t("cli.models.id"), t("cli.models.for"), ">" + t("cli.search.downloads"), t("cli.models.licence")
    )
    for hit in hits:
        task = t(f"task.{hit.task}") if hit.task else ""
        licence = ", ".join([hit.licence] * bool(hit.licence) + [t("cli.models.gated")] * hit.gated)
        table.add_row(Text(hit.repo), task, f"{hit.downloads:,}", Text(licence))
    terminal.out().print(Text(t("cli.search.hub"), style="bold"))
    terminal.out().print(table)


def _tasks(model: Model) -> str:
    return ", ".join(t(f"task.{task}") for task in model.tasks)


# --- licences ----------------------------------------------------------------------------------------


def licences(ids: list[str], *, as_json: bool) -> int:
    """What each model allows; of those that are named, also what they allow together."""
    library = open_library()
    models = [library.entry(each).model for each in ids] if ids else library.every()
    whole = [part for model in models for part in library.together(model)] if ids else []
    if as_json:
        terminal.print_json(_plain(models, terms_of(whole) if ids else None))
        return terminal.DONE
    table = terminal.table(t("cli.models.id"), t("cli.models.licence"), t("cli.licences.sell"))
    for model in models:
        table.add_row(Text(model.id), Text(model.licence.id), Text(verdict(terms_of([model]))))
    terminal.out().print(table)
    if ids:
        terminal.out().print(Text(t("cli.licences.together"), style="bold"))
        for line in lines(terms_of(whole)):
            terminal.show(f"  {line}")
    return terminal.DONE


def _plain(models: list[Model], terms: Terms | None) -> dict[str, Any]:
    found: dict[str, Any] = {"models": {model.id: msgspec.to_builtins(model.licence) for model in models}}
    return found if terms is None else {**found, "together": msgspec.to_builtins(terms)}
