"""Licences: their texts, those that hubs name, and what several models together allow."""

from __future__ import annotations

import re
from collections.abc import Iterable

from studio.domain.licence import Licence, Part, Terms, together
from studio.domain.model import Model
from studio.services.paths import ASSETS

TEXTS = ASSETS / "licences"
_SAFE = re.compile(r"[A-Za-z0-9.+-]{1,60}")
# What hubs call the licences of the manifest.
_TAGS = {
    "openrail++": "creativeml-openrail++-m",
    "llama3.1": "llama-3.1-community",
    "llama3.2": "llama-3.2-community",
    "stabilityai-ai-community": "stability-ai-community",
}


def text_of(licence: Licence) -> str:
    """The text that comes with the program, "" for one that does not."""
    if not _SAFE.fullmatch(licence.id):
        return ""
    try:
        return (TEXTS / f"{licence.id}.txt").read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def of_tag(tag: str, page: str, known: Iterable[Model]) -> Licence:
    """The licence that a hub calls *tag*, as the models *known* have it; with unknown terms otherwise.

    *page*: where its text may be found then.
    """
    name = _TAGS.get(tag.lower(), tag.lower())
    for model in known:
        if model.licence.id.lower() == name and not model.licence.gated:
            return model.licence
    return Licence(id=tag, url=page, commercial="unknown")


def terms_of(models: Iterable[Model]) -> Terms:
    """What may be done with what is made with all of *models*."""
    return together(Part(title=model.title, licence=model.licence) for model in models)
