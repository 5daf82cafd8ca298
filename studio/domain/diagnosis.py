"""What a look at this computer found: for each check a state, the reason, and what to do. Pure data."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from msgspec import Struct

from studio.domain.text import catalogue, t


class State(StrEnum):
    """In the order in which they matter."""

    FAIL = "fail"
    WARN = "warn"
    SKIPPED = "skipped"
    PASS = "pass"  # noqa: S105 - no password


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that a check found. `key` is "theme.check"; a check may find several things.

    `reason` and `fix` ("" where nothing is to be done) are text keys or another's own words, with
    `values`; a value that is a text key is shown in words, with the same values. `action`: what the studio
    can do about it itself, "" for nothing.
    """

    state: State
    reason: str
    fix: str = ""
    values: dict[str, Any] = {}
    action: str = ""
    key: str = ""

    @property
    def theme(self) -> str:
        return self.key.partition(".")[0]

    @property
    def title(self) -> str:
        """What was looked at, in the user's language."""
        return t(f"doctor.title.{self.key}")

    @property
    def why(self) -> str:
        """`reason` in the user's language."""
        return self._say(self.reason)

    @property
    def how(self) -> str:
        """`fix` in the user's language."""
        return self._say(self.fix) if self.fix else ""

    def _say(self, key: str) -> str:
        known = catalogue("en")
        if key not in known:
            return key
        keys = {
            name: value for name, value in self.values.items() if isinstance(value, str) and value in known
        }
        plain = {**self.values, **{name: t(key) for name, key in keys.items()}}
        return t(key, **{**self.values, **{name: t(inner, **plain) for name, inner in keys.items()}})


class Diagnosis(Struct, frozen=True, kw_only=True):
    """All findings of one look, theme by theme. `taken`: POSIX seconds; `seconds` that it took."""

    findings: tuple[Finding, ...]
    taken: float
    seconds: float

    @property
    def failed(self) -> bool:
        return any(finding.state is State.FAIL for finding in self.findings)

    def count(self, state: State) -> int:
        return sum(finding.state is state for finding in self.findings)

    def worst_first(self) -> tuple[Finding, ...]:
        """Those that matter most first; else as they are."""
        order = list(State)
        return tuple(sorted(self.findings, key=lambda finding: order.index(finding.state)))


def passed(reason: str, /, **values: Any) -> Finding:
    return Finding(state=State.PASS, reason=reason, values=values)


def skipped(reason: str, /, *, action: str = "", **values: Any) -> Finding:
    return Finding(state=State.SKIPPED, reason=reason, values=values, action=action)


def warn(reason: str, fix: str = "", /, *, action: str = "", **values: Any) -> Finding:
    return Finding(state=State.WARN, reason=reason, fix=fix, values=values, action=action)


def fail(reason: str, fix: str = "", /, *, action: str = "", **values: Any) -> Finding:
    return Finding(state=State.FAIL, reason=reason, fix=fix, values=values, action=action)
