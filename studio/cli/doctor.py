"""`studio doctor`: what is wrong with this computer and this studio, and what to do."""

from __future__ import annotations

from typing import Any

from rich.table import Table
from rich.text import Text

from studio.cli import terminal
from studio.cli.options import Misuse
from studio.cli.session import run_async
from studio.domain.diagnosis import Diagnosis, Finding, State
from studio.domain.machine import Machine
from studio.domain.text import t
from studio.services import doctor
from studio.services.doctor.report import MARKS, summary
from studio.services.studio import Studio

_STYLES = {State.FAIL: "red", State.WARN: "yellow", State.SKIPPED: "dim", State.PASS: "green"}


def check(*, as_json: bool, network: bool, report: bool, offline: bool) -> int:
    """Look, and show what was found. 1 if anything is wrong."""
    if as_json and report:
        raise Misuse(t("cli.doctor.one"))
    diagnosis, machine = run_async(_examine(network=network, offline=offline))
    if as_json:
        terminal.print_json(as_object(diagnosis))
    elif report:
        terminal.show(doctor.report(diagnosis, machine).rstrip())
    else:
        _show(diagnosis)
    return terminal.FAILED if diagnosis.failed else terminal.DONE


async def _examine(*, network: bool, offline: bool) -> tuple[Diagnosis, Machine | None]:
    """The studio is not started: a database that cannot be opened is to be found, not stumbled over."""
    studio = Studio.create(offline=offline)
    studio.network.start(offline=True)  # what may go out does so in processes of its own
    try:
        return await doctor.examine(studio, ask_network=network), studio.machine
    finally:
        await studio.close()


def as_object(diagnosis: Diagnosis) -> dict[str, Any]:
    """For programs: keys and states as they are, the rest in words."""
    return {
        "failed": diagnosis.failed,
        "counts": {state.value: diagnosis.count(state) for state in State},
        "seconds": round(diagnosis.seconds, 3),
        "checks": [
            {
                "key": finding.key,
                "theme": finding.theme,
                "title": finding.title,
                "state": finding.state.value,
                "reason": finding.why,
                "how": finding.how,
                "action": finding.action,
            }
            for finding in diagnosis.findings
        ],
    }


def _show(diagnosis: Diagnosis) -> None:
    table = terminal.table("", "", "")
    table.show_header = False
    table.columns[0].no_wrap = table.columns[1].no_wrap = True
    for theme in dict.fromkeys(finding.theme for finding in diagnosis.findings):
        _add_theme(table, theme, [each for each in diagnosis.findings if each.theme == theme])
    terminal.out().print(table)
    terminal.show(summary(diagnosis))
    terminal.say(t("cli.doctor.seconds", seconds=f"{diagnosis.seconds:.1f}"))


def _add_theme(table: Table, theme: str, findings: list[Finding]) -> None:
    table.add_row(Text(t(f"doctor.theme.{theme}"), style="bold"))
    for finding in findings:
        style = _STYLES[finding.state]
        state = Text(f"  {MARKS[finding.state]} {t(f'doctor.state.{finding.state.value}')}", style=style)
        table.add_row(state, finding.title, Text(finding.why, style="dim" if style == "dim" else ""))
        if finding.how:
            table.add_row("", "", Text(f"→ {finding.how}"))
