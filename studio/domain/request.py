"""One request, with everything that matters in it: what the metadata stores and "use again" restores."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

FORMAT = 1


class Request(Struct, frozen=True, kw_only=True):
    """What to make. `values` are the family's parameters, complete and checked (`FamilySpec.complete`).

    `model` is a library id or an absolute path. `device`: "auto", "cpu", "cuda:N", "xpu:N" or
    "mps"; `threads`: CPU threads, 0 for the measured or physical number. `choices`: how to compute it, where
    that is not left to the planner (`planning.choices`): `{"attention": "sliced"}`. One struct serves every
    family, because what a family needs is its parameters, and a new family is one folder.
    """

    task: str
    family: str
    model: str
    values: dict[str, Any]
    device: str = "auto"
    threads: int = 0
    choices: dict[str, str] = {}
    format: int = FORMAT

    @property
    def prompt(self) -> str:
        return str(self.values.get("prompt", ""))

    @property
    def seed(self) -> int | None:
        return self.values.get("seed")
