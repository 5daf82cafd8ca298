"""A diagnosis as a text to send to somebody: in the user's language, without who and where the user is."""

from __future__ import annotations

import time

import msgspec

from studio import __version__
from studio.domain.diagnosis import Diagnosis, Finding, State
from studio.domain.machine import Machine
from studio.domain.quantity import size
from studio.domain.text import t
from studio.services.doctor.case import name_of
from studio.services.scrub import scrub, without_addresses

# Words of their own, so that no sign or colour is needed to tell them apart.
MARKS = {State.FAIL: "✗", State.WARN: "!", State.SKIPPED: "–", State.PASS: "✓"}


def report(diagnosis: Diagnosis, machine: Machine | None) -> str:
    """Plain text: what the computer is, then every finding, theme by theme."""
    taken = time.strftime("%Y-%m-%d %H:%M", time.localtime(diagnosis.taken))
    parts = [f"AIGC Studio {__version__}, {taken}", summary(diagnosis)]
    if machine is not None:
        parts.append(_computer(machine))
    for theme in dict.fromkeys(finding.theme for finding in diagnosis.findings):
        lines = [_line(finding) for finding in diagnosis.findings if finding.theme == theme]
        parts.append("\n".join((f"== {t(f'doctor.theme.{theme}')} ==", *lines)))
    return scrub(without_addresses("\n\n".join(parts) + "\n"))  # names within an address go with it


def summary(diagnosis: Diagnosis) -> str:
    """How many of each, in one line."""
    return t("doctor.summary", **{state.value: diagnosis.count(state) for state in State})


def _computer(machine: Machine) -> str:
    ram, cpu = machine.ram.total_bytes, machine.cpu
    lines = [
        ", ".join(filter(None, (machine.os, machine.kernel, f"Python {machine.python}", machine.locale))),
        f"{cpu.name}, {cpu.physical_cores or '?'}/{cpu.logical_cores or '?'}, {size(ram) if ram else '?'}",
    ]
    for card in machine.accelerators:
        facts = (name_of(card), card.device, card.arch, card.driver, card.runtime)
        lines.append(", ".join(filter(None, facts)))
    return "\n".join(lines)


def _line(finding: Finding) -> str:
    if "host" in finding.values:  # which mirror or index somebody uses says who that is
        values = {**finding.values, "host": "[address]", "reason": _without(finding)}
        finding = msgspec.structs.replace(finding, values=values)
    state = t(f"doctor.state.{finding.state.value}")
    words = t("doctor.line", title=finding.title, reason=finding.why)
    line = f"{MARKS[finding.state]} {state}  {words}"
    return f"{line}\n    → {finding.how}" if finding.how else line


def _without(finding: Finding) -> str:
    """The reason that a service gave, without the service's name."""
    return str(finding.values.get("reason", "")).replace(str(finding.values["host"]) or "\0", "[address]")
