"""What a framework adds to the operations of a network, read off the reference networks."""

from __future__ import annotations

from typing import NamedTuple

from studio.domain.cost import references
from studio.domain.cost.timing import Timing
from studio.domain.measurement import Measurements


class Framework(NamedTuple):
    """A network takes `ratio` times its operations, and `call` seconds for each that Python starts."""

    ratio: float
    call: float


class _Seen(NamedTuple):
    """Seconds of a reference: of its operations as counted, and as measured whole."""

    counted: float
    calls: float
    measured: float


def framework(
    measured: Measurements, timing: Timing, net: str, precision: str, channels_last: bool
) -> Framework:
    """For what is like the reference *net*. *timing*: of that precision and memory format.

    A large network and a small one give two equations for the two unknowns. Where one of them was not
    measured, or both say together what cannot be, a call costs what it does alone.
    """
    alone = timing.call
    large = _seen(measured, timing, net, precision, channels_last)
    if large is None:
        return Framework(1.0, alone)
    call = alone
    pair = next(name for name, small in references.SMALL.items() if small == references.SMALL[net])
    model = large if pair == net else _seen(measured, timing, pair, precision, channels_last)
    small = _seen(measured, timing, references.SMALL[net], precision, channels_last)
    if model is not None and small is not None:
        both = model.counted * small.calls - small.counted * model.calls
        if both > 0:
            found = (model.counted * small.measured - small.counted * model.measured) / both
            call = max(alone, found)
    rest = large.measured - large.calls * call
    if rest > 0 and large.counted > 0:
        return Framework(rest / large.counted, call)
    ratio = large.measured / (large.counted + large.calls * alone)
    return Framework(ratio, ratio * alone)


def _seen(
    measured: Measurements, timing: Timing, net: str, precision: str, channels_last: bool
) -> _Seen | None:
    alike = [
        reference
        for reference in measured.references
        if reference.net == net
        and reference.setting.precision == precision
        and reference.setting.threads == measured.threads
    ]
    exact = [reference for reference in alike if reference.setting.channels_last == channels_last]
    found = next(iter(exact or alike), None)
    if found is None:
        return None
    walk = references.walk(net)
    return _Seen(timing.seconds(walk.ops), walk.calls, found.seconds)
