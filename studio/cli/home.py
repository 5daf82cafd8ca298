"""The user's folders and models, for commands that need no running studio."""

from __future__ import annotations

from studio.services.basis import Basis
from studio.services.library.library import Library
from studio.services.paths import Paths


def open_library() -> Library:
    """What is known and what is here."""
    return Basis(Paths.default()).library
