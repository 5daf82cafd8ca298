"""Which order makes a broken model whole again: the files of its record, from where they came."""

from __future__ import annotations

import glob

import msgspec

from studio.domain.failure import StudioError
from studio.domain.model import DataWheels, Hub, Model, Source
from studio.services.store.record import Record


def pinned(model: Model, record: Record, title: str) -> Model:
    """*model* as a fetch of exactly what *record* has. Raises StudioError `model.unfetchable`.

    What was converted here has other files than its source, and comes whole.
    """
    sources = tuple(
        _pin(source, record, whole=model.conversion is not None)
        for source in model.sources
        if _is_from(source, record)
    )
    if not sources:
        raise StudioError("model.unfetchable", name=title)
    files = model.files if model.conversion else record.files
    return msgspec.structs.replace(model, sources=sources, files=files)


def _is_from(source: Source, record: Record) -> bool:
    if isinstance(source, Hub):
        return record.source == "hub" and record.origin.rstrip("/").endswith(f"/{source.repo}")
    return isinstance(source, DataWheels) and record.source == "data_wheels"


def _pin(source: Source, record: Record, *, whole: bool) -> Source:
    if not isinstance(source, Hub):
        return source
    names = source.files if whole else tuple(glob.escape(file.path) for file in record.files)
    return msgspec.structs.replace(source, revision=record.commit, files=names)
