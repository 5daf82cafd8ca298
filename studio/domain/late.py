"""Libraries that others import at sight, although nobody needs them yet: kept out until somebody does."""

from __future__ import annotations

import importlib
import logging
import sys
from types import ModuleType
from typing import cast

LATE = ("torchao",)
"""diffusers imports it with its first pipeline: over a second, and warnings about cards that are not here."""


def hide() -> None:
    """Let what is imported from now on believe that they are not installed. Harmless when repeated."""
    for name in LATE:
        _modules().setdefault(name, None)


def show(name: str) -> ModuleType:
    """Import one of them after all, without its warnings. Raises ImportError where it is not installed."""
    if _modules().get(name, sys) is None:
        del sys.modules[name]
    for noisy in (name, "torch.utils._pytree"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    return importlib.import_module(name)


def _modules() -> dict[str, ModuleType | None]:
    """None is how it is said that there is no such module, which its type does not know."""
    return cast("dict[str, ModuleType | None]", sys.modules)
