"""Graphics cards: do they compute, do torch and driver fit, is the right one used, who else uses them."""

from __future__ import annotations

import msgspec

from studio.domain.diagnosis import Finding, State, fail, passed, skipped, warn
from studio.domain.machine import Accelerator, preferred
from studio.domain.quantity import size
from studio.domain.usability import TORCH_KINDS, Verdict, explain, numbers
from studio.services.doctor.case import Case, name_of

# Reasons that are about the driver alone, and those that somebody wanted or that nothing can be done about.
_DRIVER = {"machine.reason.no_driver", "machine.reason.driver_mismatch", "machine.reason.old_driver"}
_ACCEPTED = {"machine.reason.hidden", "machine.reason.passed_on", "machine.reason.no_compute"}
# From this driver on, Windows lets CUDA go on in ordinary memory when a card's own is full.
_FALLBACK = (536, 40)
TAKEN_BYTES = 1_000_000_000  # less than this is a desktop at work
TAKEN_SHARE = 0.1
APPLE_SHARE = 0.75  # of the memory, what macOS lets a GPU have


def usable(case: Case) -> list[Finding]:
    """Whether each accelerator really computed something."""
    found = [_usable(case, card) for card in case.gpus]
    others = [card for card in case.machine.accelerators if card.kind not in TORCH_KINDS]
    found += [
        skipped("doctor.hardware.usable.other", name=name_of(card), reason=card.reason, **card.values)
        for card in others
        if card.reason
    ]
    return found or [skipped("doctor.hardware.usable.none")]


def _usable(case: Case, card: Accelerator) -> Finding:
    name = name_of(card)
    if card.usable:
        return passed("doctor.hardware.usable.works", name=name)
    if card.usable is None:
        return skipped("doctor.hardware.usable.untried", name=name)
    if _spare(case, card):
        return passed("doctor.hardware.usable.spare", name=name)
    for title, verdict in (
        ("doctor.title.hardware.driver", _driver_of(case, card)),
        ("doctor.title.hardware.build", _build_of(case, card)),
    ):
        if verdict is not None:
            return _about(case, card, Verdict("doctor.hardware.usable.explained", "", {"check": title}))
    return _about(case, card, Verdict(card.reason, card.fix, card.values))


def build(case: Case) -> list[Finding]:
    """Whether the installed torch is made for each card."""
    if case.build is None:
        return [skipped("doctor.no_engine" if case.engine_seconds is None else "machine.reason.no_torch")]
    found: list[Finding] = []
    for card in case.gpus:
        verdict = _build_of(case, card)
        if verdict is not None and not _spare(case, card):
            found.append(_about(case, card, verdict))
        elif verdict is None and (card.arch or card.usable):
            found.append(passed("doctor.hardware.build.fits", torch=case.build.version, name=name_of(card)))
    return found or [passed("doctor.hardware.build.cpu", torch=case.build.version)]


def driver(case: Case) -> list[Finding]:
    """Whether each card's driver answers and is new enough for the installed torch."""
    found: list[Finding] = []
    for card in case.gpus:
        verdict = _driver_of(case, card)
        if verdict is not None and not _spare(case, card):
            found.append(_about(case, card, verdict))
        elif verdict is None and card.driver:
            found.append(passed("doctor.hardware.driver.fits", driver=card.driver, name=name_of(card)))
    return found or [skipped("doctor.hardware.driver.none")]


def _driver_of(case: Case, card: Accelerator) -> Verdict | None:
    if card.reason in _DRIVER:
        return Verdict(card.reason, card.fix, card.values)
    if card.kind != "cuda" or case.build is None or case.build.kind != "cuda":
        return None
    # Looked at without its architecture, which is the other check's.
    verdict = explain(msgspec.structs.replace(card, usable=None, reason="", arch=None), case.build)
    return verdict if verdict is not None and verdict.reason in _DRIVER else None


def _build_of(case: Case, card: Accelerator) -> Verdict | None:
    if case.build is None:
        return None
    return explain(msgspec.structs.replace(card, usable=None, reason="", driver=None), case.build)


def _spare(case: Case, card: Accelerator) -> bool:
    """Graphics in the processor, with a card beside it: nobody needs it to compute."""
    return bool(card.integrated) and any(other.integrated is False for other in case.gpus)


def _about(case: Case, card: Accelerator, verdict: Verdict) -> Finding:
    """A card that cannot be used is a failure where no other one is and something could be done."""
    values = {**verdict.values, "name": name_of(card), "reason": verdict.reason}
    lesser = bool(card.integrated) or card.reason in _ACCEPTED or any(other.usable for other in case.gpus)
    state = State.WARN if lesser else State.FAIL
    return Finding(state=state, reason="doctor.hardware.unusable", fix=verdict.fix, values=values)


def chosen(case: Case) -> Finding:
    """Whether the best device is the one that is used."""
    wanted = case.settings.device
    best = preferred(case.machine)
    there = {card.device: card for card in case.gpus if card.device}
    if wanted not in ("auto", "cpu", *there):
        return fail(
            "doctor.hardware.chosen.gone", "doctor.hardware.chosen.auto", action="auto_device", device=wanted
        )
    used = best if wanted == "auto" else there.get(wanted)
    # Between two cards the choice is the user's.
    lesser = used is None or bool(used.integrated)
    if best is not None and used is not best and lesser and best.usable and best.integrated is False:
        return warn(
            "doctor.hardware.chosen.lesser",
            "doctor.hardware.chosen.auto",
            action="auto_device",
            name=name_of(used) if used else "doctor.hardware.processor",
            better=name_of(best),
        )
    if used is None:
        return passed("doctor.hardware.chosen.processor")
    idle = [card for card in case.gpus if card.integrated is False and card.usable is False]
    if used.integrated and idle:
        return warn(
            "doctor.hardware.chosen.integrated",
            "doctor.hardware.chosen.see",
            name=name_of(used),
            better=name_of(idle[0]),
            check="doctor.title.hardware.usable",
        )
    return passed("doctor.hardware.chosen.right", name=name_of(used))


def shared(case: Case) -> Finding:
    """Whether a model could silently spill out of the memory that the accelerator is quick with."""
    card, need = preferred(case.machine), case.largest
    if card is None:
        return skipped("doctor.hardware.shared.none")
    if need is None:
        return skipped("doctor.no_models")
    windows = case.platform == "win32" or case.machine.limits.container == "wsl"
    if card.kind == "cuda" and not card.integrated:
        spills = windows and numbers(card.driver or "") >= _FALLBACK
        room, fix = card.memory_total_bytes, "doctor.hardware.shared.nvidia"
    elif card.integrated or card.kind == "mps":
        spills, fix = True, "doctor.hardware.shared.smaller"
        ram = case.machine.ram.total_bytes
        room = card.memory_total_bytes
        if card.kind == "mps" and ram is not None:
            room = min(room or ram, round(ram * APPLE_SHARE))
    else:
        spills, room, fix = windows, card.memory_total_bytes, "doctor.hardware.shared.smaller"
    if not spills:
        return passed("doctor.hardware.shared.fails", name=name_of(card))
    if room is None:
        return skipped("doctor.hardware.shared.unknown", name=name_of(card))
    values = {
        "name": name_of(card),
        "model": need.title,
        "needed": size(need.memory_bytes),
        "room": size(room),
    }
    if need.memory_bytes > room:
        return warn("doctor.hardware.shared.spills", fix, **values)
    return passed("doctor.hardware.shared.fits", **values)


def taken(case: Case) -> list[Finding]:
    """Whether other programs hold much of an accelerator's memory."""
    return [_taken(case, card) for card in case.gpus if card.usable is not False] or [
        skipped("doctor.hardware.shared.none")
    ]


def _taken(case: Case, card: Accelerator) -> Finding:
    others = [process for process in card.processes if process.pid not in case.own_pids]
    held = sum(process.memory_bytes or 0 for process in others)
    total, free = card.memory_total_bytes, card.memory_free_bytes
    if any(process.memory_bytes is None for process in others) and total and free is not None:
        held = max(held, total - free)  # Windows tells who, and not how much
    if not others or held <= max(TAKEN_BYTES, TAKEN_SHARE * (total or 0)):
        return passed("doctor.hardware.taken.free", name=name_of(card))
    large = sorted(others, key=lambda process: -(process.memory_bytes or 0))[:4]
    return warn(
        "doctor.hardware.taken.held",
        "doctor.hardware.taken.close",
        name=name_of(card),
        programs=", ".join(dict.fromkeys(case.process_name(process.pid) for process in large)),
        held=size(held),
        total=size(total) if total else "?",
    )


CHECKS = {
    "usable": usable,
    "build": build,
    "driver": driver,
    "chosen": chosen,
    "shared": shared,
    "taken": taken,
}
