"""Which models a search of the catalogue means."""

from __future__ import annotations

from studio.domain.model import Hub, Model


def text_of(model: Model) -> str:
    """Everything that a search looks at, folded."""
    sources = [source.repo for source in model.sources if isinstance(source, Hub)]
    words = [model.id, model.family, *sources, *model.title.values(), *model.description.values()]
    return " ".join(words).casefold()


def matching(model: Model, query: str) -> bool:
    """Does every word of *query* stand somewhere?"""
    text = text_of(model)
    return all(word in text for word in query.casefold().split())
