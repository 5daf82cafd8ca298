"""A request as it may wait: its model is here, its values are legal and complete."""

from __future__ import annotations

import msgspec

from studio.domain.failure import StudioError
from studio.domain.family import FamilySpec
from studio.domain.request import Request
from studio.domain.speech import check_language
from studio.services.runner import Models
from studio.services.settings import Settings


def completed(request: Request, models: Models, settings: Settings) -> tuple[Request, FamilySpec]:
    """Raises StudioError `param.invalid`, or one of the library's `model.*`."""
    resolved = models.resolve(request.model, verify=False)
    spec, source = resolved.spec, resolved.source
    if request.task not in spec.tasks:
        raise StudioError("param.invalid", name="task", reason=request.task)
    request = msgspec.structs.replace(
        request,
        family=spec.name,
        values=spec.complete(request.values, resolved.model),
        device=settings.device if request.device == "auto" else request.device,
        threads=request.threads or settings.threads,
    )
    if request.task == "speech":
        able = models.able(request.task, request.prompt)
        check_language(request.prompt, source.languages, name=source.title, voices=able)
    return request, spec


def completed_again(request: Request, models: Models) -> tuple[Request, FamilySpec]:
    """As `completed`, for one that was completed in an earlier session: where it runs was decided then."""
    resolved = models.resolve(request.model, verify=False)
    values = resolved.spec.complete(request.values, resolved.model)
    return msgspec.structs.replace(request, values=values), resolved.spec
