"""What went wrong, as data: a stable code, words in the user's language, and what to do about it."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from studio.domain.text import t

# Every code, with the values that it carries. Its texts are `failure.<code>` and `failure.<code>.hint`.
CODES: dict[str, tuple[str, ...]] = {
    "oom.gpu": (),
    "oom.ram": (),
    "model.missing": ("name",),
    "model.missing_file": ("name", "file"),
    "model.hash_mismatch": ("name", "file"),
    "model.gated": ("name", "url"),
    "model.unrecognized": ("name",),
    "model.unsafe": ("name", "what"),
    "model.language": ("name", "language", "voices"),
    "plan.uncounted": ("name",),
    "quant.unsupported": ("name", "format"),
    "disk.full": ("path",),
    "output.unwritable": ("path", "reason"),
    "device.lost": ("device",),
    "device.missing": ("device",),
    "param.invalid": ("name", "reason"),
    "download.failed": ("name", "reason"),
    "download.offline": ("name",),
    "engine.crashed": ("reason",),
    "engine.unstartable": ("reason",),
    "data.newer": (),
    "instance.second": (),
    "output.suspect": (),
    "workshop.impossible": ("name", "method", "reason"),
    "internal": ("reason",),
}


class Failure(Struct, frozen=True, kw_only=True):
    """One failure, made in one place and shown everywhere.

    `code` is one of `CODES`. `values` fill the placeholders of its message and hint, which are
    rendered in whatever language the reader uses; a value that is itself a text key is too.
    `details` is for the log and "Copy details" (never translated). `retryable`: the same request
    may succeed later. `poison`: the process that raised it must be restarted.
    """

    code: str
    values: dict[str, Any] = {}
    details: str = ""
    retryable: bool = False
    poison: bool = False

    @property
    def message(self) -> str:
        return t(f"failure.{self.code}", **self._words())

    @property
    def hint(self) -> str:
        return t(f"failure.{self.code}.hint", **self._words())

    def _words(self) -> dict[str, Any]:
        return {name: t(value) if isinstance(value, str) else value for name, value in self.values.items()}


class StudioError(Exception):
    """An expected error that carries its `Failure`."""

    def __init__(
        self, code: str, /, *, details: str = "", retryable: bool = False, poison: bool = False, **values: Any
    ) -> None:
        assert code in CODES, code
        self.failure = Failure(code=code, values=values, details=details, retryable=retryable, poison=poison)
        super().__init__(f"{code}: {self.failure.message}")

    @classmethod
    def of(cls, failure: Failure) -> StudioError:
        return cls(
            failure.code,
            details=failure.details,
            retryable=failure.retryable,
            poison=failure.poison,
            **failure.values,
        )


class Cancelled(Exception):
    """The user stopped the job. A state of its own, never an error."""
