"""The comparison at the end of every method: both models tried alike, what they made laid side by side."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from studio.domain.anatomy import GGUF, SINGLE, TRANSFORMERS, anatomy
from studio.domain.comparison import REPORT, Measured, Note, Report
from studio.domain.model import ModelSource
from studio.domain.workshop import Trial
from studio.families.registry import families
from studio.workshop.fresh import Tried, attempt
from studio.workshop.making import Making, weigh

TEXT, IMAGE = "text", "image"


def compare(
    made: Making,
    *,
    figures: dict[str, float] | None = None,
    notes: Sequence[Note] = (),
    usable: bool = True,
    result: Path | None = None,
    trial: dict[str, Any] | None = None,
    parameters: dict[str, dict[str, Any]] | None = None,
) -> Report:
    """What the model was, and what lies in the folder now. *usable*: the studio can try it.

    *result*: the file or folder of it that is the model, if not the folder itself. *trial*: values with which
    the result is tried, *parameters*: how they become usual for it. Raises Cancelled, StudioError.
    """
    usual = _usual(made)
    after_trial = msgspec.structs.replace(usual, values={**usual.values, **(trial or {})}) if usual else None
    told = made.folder / Path(REPORT).parent
    before = Measured(bytes=weigh(made.path))
    after = Measured(bytes=weigh(made.folder))
    likeness: dict[str, float] = {}
    picture = ""
    if usual is not None and after_trial is not None and usable and made.values["report"]:
        result = result or made.folder
        made.context.phase("before")
        first = attempt(made.context, made.source, usual, told / "tries-before")
        before = _measured(made, before, first, usual, made.path, told)
        made.context.phase("after")
        second = attempt(made.context, _source(made, result), after_trial, told / "tries-after")
        after = _measured(made, after, second, usual, result, told)
        likeness, picture = _likeness(usual, before, after, told)
        for name in ("tries-before", "tries-after"):
            shutil.rmtree(told / name)
    return Report(
        name="",
        lineage=made.lineage(),
        before=before,
        after=after,
        likeness=likeness,
        figures=figures or {},
        notes=tuple(notes),
        picture=picture,
        parameters={**(usual.parameters if usual else {}), **_merged(usual, parameters or {})},
    )


def _usual(made: Making) -> Trial | None:
    given = made.values["trial"]
    return None if given is None else msgspec.convert(given, Trial)


def _merged(usual: Trial | None, changes: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    known = usual.parameters if usual else {}
    return {name: {**(known.get(name) or {}), **change} for name, change in changes.items()}


def _source(made: Making, result: Path) -> ModelSource:
    """What was made, for an engine. Its family is the one it was, unless its files lie otherwise now."""
    spec = families()[made.source.family]
    found = anatomy(result)
    layout = found.layout
    kinds = {each.kind for each in spec.layouts}
    if layout not in kinds:
        spec = next(s for s in families().values() if any(each.kind == layout for each in s.layouts))
    path = found.path if layout in (GGUF, SINGLE) else result
    return ModelSource(
        id=str(path),
        family=spec.name,
        path=str(path),
        bytes=weigh(path),
        title=made.source.title,
        languages=made.source.languages,
    )


def _measured(made: Making, known: Measured, tried: Tried, trial: Trial, path: Path, told: Path) -> Measured:
    which = "before" if "tries-before" in str(tried.artifacts[0].path if tried.artifacts else "") else "after"
    kept: list[str] = []
    for n, artifact in enumerate(tried.artifacts, 1):
        name = f"{which}-{n}{Path(artifact.path).suffix}"
        shutil.copyfile(artifact.path, told / name)
        kept.append(name)
    surprise: dict[str, float] = {}
    if trial.task == TEXT and _readable(path):
        from studio.workshop.perplexity import perplexity

        surprise = perplexity(made.context, path)
    return msgspec.structs.replace(
        known,
        load_seconds=tried.load_seconds,
        peak_ram_bytes=tried.peak_ram_bytes,
        seconds=tried.seconds,
        per_second=tried.per_second,
        perplexity=surprise,
        files=tuple(kept),
    )


def _readable(path: Path) -> bool:
    """Whether transformers can compute it: also what llama.cpp runs, if it knows the architecture."""
    found = anatomy(path)
    if found.layout == TRANSFORMERS:
        return True
    if found.layout != GGUF:
        return False
    from transformers.modeling_gguf_pytorch_utils import GGUF_SUPPORTED_ARCHITECTURES

    from studio.workshop.gguf import architecture

    return architecture(found.path) in GGUF_SUPPORTED_ARCHITECTURES


def _likeness(trial: Trial, before: Measured, after: Measured, told: Path) -> tuple[dict[str, float], str]:
    from studio.workshop import likeness

    if not before.files or not after.files:
        return {}, ""
    first, second = told / before.files[0], told / after.files[0]
    if trial.task == IMAGE:
        likeness.side_by_side(first, second, told / "side-by-side.png")
        return likeness.pictures(first, second), "side-by-side.png"
    sounds: dict[str, Any] = likeness.sounds(first, second) if first.suffix in (".wav", ".flac") else {}
    return sounds, ""
