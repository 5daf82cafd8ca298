"""The network, only when asked for: can the hub, its mirror and the package index be reached."""

from __future__ import annotations

from studio.domain.diagnosis import Finding, fail, passed, skipped, warn
from studio.services.doctor.case import Case, Reached

AHEAD_SECONDS = 300.0  # where sign-ins and certificates begin to be doubted
SERVICES = ("hub", "mirror", "index")


def hub(case: Case) -> Finding:
    """Where models come from. With a mirror set up it is not asked for anything, so it may be away."""
    mirrored = bool(case.reached and case.reached.get("mirror", Reached()).host)
    return _service(case, "hub", needed=not mirrored)


def mirror(case: Case) -> Finding:
    """What was set up instead of the hub."""
    if case.reached is not None and not case.offline and not case.reached.get("mirror", Reached()).host:
        return skipped("doctor.network.mirror.none")
    return _service(case, "mirror", needed=True)


def index(case: Case) -> Finding:
    """Where pip gets packages, and the studio its starter models."""
    return _service(case, "index", needed=True)


def _service(case: Case, name: str, *, needed: bool) -> Finding:
    if case.offline:
        return skipped("doctor.network.offline", action="settings")
    if case.reached is None or name not in case.reached:
        return skipped("doctor.network.unasked", action="ask_network")
    answer = case.reached[name]
    if not answer.error:
        seconds = f"{answer.seconds:.1f}" if answer.seconds is not None else "?"
        return passed("doctor.network.answers", host=answer.host, seconds=seconds)
    say = fail if needed else warn
    values = {"host": answer.host or "?", "reason": answer.error}
    return say("doctor.network.silent", "doctor.network.look", **values)


def clock(case: Case) -> Finding:
    """Whether this computer's clock agrees with the network's."""
    if case.offline:
        return skipped("doctor.network.offline", action="settings")
    if case.reached is None:
        return skipped("doctor.network.unasked", action="ask_network")
    differences = [answer.ahead for answer in case.reached.values() if answer.ahead is not None]
    if not differences:
        return skipped("doctor.network.clock.unknown")
    ahead = min(differences, key=abs)  # one service may be wrong itself
    if abs(ahead) > AHEAD_SECONDS:
        key = "doctor.network.clock.ahead" if ahead > 0 else "doctor.network.clock.behind"
        return warn(key, "doctor.data.clock.set", minutes=round(abs(ahead) / 60))
    return passed("doctor.network.clock.right")


CHECKS = {"hub": hub, "mirror": mirror, "index": index, "clock": clock}
