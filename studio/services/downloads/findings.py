"""What a helper finds out about the sources themselves."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

Verdict = Literal["open", "granted", "no_token", "bad_token", "not_accepted", "not_there", "unreachable"]
"""open: anyone may. granted: this token may. not_accepted: the account has not agreed to the terms, or
is not let in yet. not_there: no such repository, or one that this account must not know of."""


class Speed(Struct, frozen=True, kw_only=True):
    """Of the source at `endpoint`. `seconds` to its first byte; `error`, in its own words, if none came."""

    endpoint: str
    bytes_per_second: float = 0.0
    seconds: float | None = None
    error: str = ""


class Access(Struct, frozen=True, kw_only=True):
    """Whether a token opens a repository. `who`: the account's name, "" without a token.

    `details` for the log.
    """

    verdict: Verdict
    who: str = ""
    details: str = ""
