"""Which order makes a broken model whole again: the files of its record, from where they came."""

from __future__ import annotations

import glob

import msgspec

from studio.domain.failure import StudioError
from studio.domain.model import Address, DataWheels, Hub, Model, ModelScope, Source
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
    if record.source != source.__struct_config__.tag:
        return False
    if isinstance(source, Hub | ModelScope):
        return record.origin.rstrip("/").endswith(f"/{source.repo}")
    return isinstance(source, DataWheels | Address)


def _pin(source: Source, record: Record, *, whole: bool) -> Source:
    if isinstance(source, Address):
        return msgspec.structs.replace(source, sha256=source.sha256 or record.files[0].sha256)
    if not isinstance(source, Hub | ModelScope):
        return source
    names = source.files if whole else tuple(glob.escape(file.path) for file in record.files)
    return msgspec.structs.replace(source, revision=record.commit, files=names)
