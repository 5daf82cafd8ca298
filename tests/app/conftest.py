"""What every test of the window gets: no screen needed, the look installed, no Qt warning, no widget left."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Iterator
from typing import Any

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtWidgets import QApplication

from studio.app import keys, language, motion, theme

# Said by the offscreen plugin of every window with a least size; it has no window manager to tell.
_KNOWN_MESSAGES = ("This plugin does not support propagateSizeHints()",)


@pytest.fixture(scope="session")
def look(qapp: QApplication) -> QApplication:
    """The application with the studio's fonts, palette and style sheet."""
    qapp.setQuitOnLastWindowClosed(False)
    theme.install(qapp, "light")
    return qapp


@pytest.fixture(autouse=True)
def _clean(look: QApplication, qtlog: Any) -> Iterator[None]:
    language.set_language("en")
    theme.set_mode("light")
    motion.set_preference("reduced")
    keys.overrides.value = {}
    before = set(look.topLevelWidgets())
    yield
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()
    left = [widget for widget in look.topLevelWidgets() if widget not in before]
    messages = [each.message for each in qtlog.records if each.message not in _KNOWN_MESSAGES]
    assert not left, f"widgets that nobody closed: {left}"
    assert not messages, f"Qt complains: {messages}"


@pytest.fixture
def qloop(look: QApplication) -> Iterator[Any]:
    """An asyncio loop on Qt's; coroutine tests that name it run on it."""
    from qasync import QEventLoop

    loop = QEventLoop(look)
    asyncio.set_event_loop(loop)
    yield loop
    loop.close()
    asyncio.set_event_loop(None)
