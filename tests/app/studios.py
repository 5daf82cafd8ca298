"""A real studio for tests of panels: a home of its own, and models to fetch from a loopback server."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from studio.app.desk import Complaint, Desk
from studio.app.frame import Frame
from studio.services import basis
from studio.services import studio as composition
from studio.services.engine.supervisor import Engine
from studio.services.library.library import Library
from studio.services.paths import Paths
from studio.services.studio import Studio
from tests.fakes.file_server import FileServer
from tests.services.engines import QUICK, command
from tests.services.shops import Shop


@asynccontextmanager
async def studio_at(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, shop: Shop | None = None, **script: Any
) -> AsyncIterator[Studio]:
    """Started. The *shop*'s models are the only ones, else the program's own; the engine is the fake."""
    if shop is not None:
        here = functools.partial(Library, manifest=shop.manifest, assets=shop.folder / "assets")
        monkeypatch.setattr(basis, "Library", here)
    fake = command(folder, **script)
    monkeypatch.setattr(composition, "Engine", lambda _, log: Engine(fake, log, QUICK))
    studio = Studio(Paths.under(folder / "home").create())
    await studio.start()
    try:
        yield studio
    finally:
        await studio.close()


def shop_at(folder: Path, server: FileServer, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Four models: one from wheels, one gated with limits, one not for sale, one that is to come."""
    shop = Shop(folder, server, monkeypatch)
    shop.add("wheels", shop.data_wheels, files=shop.pinned(), languages=["en", "zh"], starter=True)
    limits = {"en": "Not for weapons.", "zh_CN": "不得用于武器。"}
    licence = {"id": "OpenRAIL", "url": "https://example.org/<b>rail</b>"}
    shop.add(
        "gated",
        {**shop.hub, "repo": "maker/gated"},
        order=20,
        bytes=4_000_000_000_000,
        licence={**licence, "commercial": "limited", "restrictions": limits, "gated": True},
    )
    shop.add("private", shop.hub, order=30, licence={**licence, "commercial": "no"}, bytes=None)
    shop.add("later", shop.hub, order=40, status="coming", tasks=["image"])
    return shop


@asynccontextmanager
async def window_on(studio: Studio) -> AsyncIterator[tuple[Frame, list[Complaint]]]:
    """The window of *studio*, shown, and what is complained of in it."""
    studio.settings.change(welcomed=True)
    desk = Desk(studio)
    complaints: list[Complaint] = []
    desk.complained.connect(complaints.append)
    frame = Frame(desk)
    frame.window.show()
    try:
        yield frame, complaints
    finally:
        for panel in frame.window.made_panels():
            panel.close_down()
        frame.window.finish()
        frame.window.deleteLater()
        await asyncio.sleep(0.05)
