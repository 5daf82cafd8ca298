"""The warnings that tests let pass; every other one fails the test it appears in.

An entry says whose it is and why it cannot be avoided. One that no longer appears is taken out.
"""

from __future__ import annotations

from typing import NamedTuple


class Known(NamedTuple):
    """`message`: a regular expression for the beginning. `category`: its class by full name."""

    message: str
    category: str
    reason: str

    @property
    def filter(self) -> str:
        return f"ignore:{self.message}:{self.category}"


KNOWN: tuple[Known, ...] = (
    Known(
        "__array__ implementation doesn't accept a copy keyword",
        "DeprecationWarning",
        "diffusers 0.42: its schedulers give a tensor to numpy.array, whose signature numpy 2 finds outdated",
    ),
    Known(
        "`is_gradient_checkpointing` is deprecated",
        "FutureWarning",
        "peft 0.21: it asks transformers' models for it by its old name",
    ),
)
