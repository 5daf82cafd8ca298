"""How long everything that was asked for will take: the devices work beside each other."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from studio.services.estimate import Estimator
from studio.services.runner import Entry


def remaining(
    running: Iterable[Entry],
    waiting: Iterable[Entry],
    estimator: Estimator,
    device_of: Callable[[Entry], str],
) -> float | None:
    """Seconds until all of it is done; None while that cannot be said, 0 when there is nothing."""
    seconds: dict[str, float] = {}  # by device
    models: dict[str, str] = {}
    for entry in running:
        progress = entry.job.progress
        if progress is None or progress.remaining is None:
            return None
        seconds[entry.device] = progress.remaining
        models[entry.device] = entry.job.request.model
    for entry in waiting:
        request = entry.job.request
        if entry.spec is None:
            return None
        device = device_of(entry)
        takes = estimator.seconds(request, entry.spec, cold=request.model != models.get(device))
        if takes is None:
            return None
        seconds[device] = seconds.get(device, 0.0) + takes
        models[device] = request.model
    return max(seconds.values(), default=0.0)
