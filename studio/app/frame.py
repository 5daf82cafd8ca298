"""Ties the window to the running studio: panels, strip, banner, dropped files, notifications, the end."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt

from studio.app import fonts
from studio.app.collector import Collector
from studio.app.desk import Desk, Order
from studio.app.notify import Notifier
from studio.app.panel import Panel
from studio.app.shell import Shell
from studio.app.strip_feed import StripFeed
from studio.domain.failure import Failure, StudioError
from studio.domain.request import Request
from studio.domain.text import localized, t
from studio.services.downloads.state import DownloadState, State
from studio.services.library.identify import identify
from studio.services.machine.meter import Meter
from studio.services.metadata import read

log = logging.getLogger(__name__)

METER_SECONDS = 2.0
CATCH_UP_SECONDS = 2.0


class Frame:
    """One window over one studio, in *shell* if that is painted already. `live` runs until the close."""

    def __init__(self, desk: Desk, shell: Shell | None = None) -> None:
        self._desk = desk
        self._studio = desk.studio
        self._shell = shell or Shell(desk)
        self.window = self._shell.window
        self._closed = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self.window.close_requested.connect(self._closed.set)
        self.window.files_dropped.connect(lambda paths: self._spawn(self._dropped(paths)))
        desk.go_requested.connect(self.window.go)
        desk.use_requested.connect(self._use)
        desk.make_requested.connect(self._make)
        desk.result_requested.connect(self._open_result)

    async def live(self) -> None:
        """Start the studio, then stay until the window is closed."""
        feed = StripFeed(self._studio, self._shell.strip)
        notifier = Notifier(self._studio, self.window)
        fetched = self._studio.downloads.changed.connect(self._fetched)
        metering = asyncio.ensure_future(self._meter(feed))
        collector = Collector()
        try:
            await self._start()
            collector.start()
            await self._closed.wait()
        finally:
            metering.cancel()
            collector.stop()
            for task in self._tasks:
                task.cancel()
            feed.close()
            notifier.close()
            fetched()
            if self._shell.queue is not None:
                self._shell.queue.close_down()
            for panel in self.window.made_panels():
                panel.close_down()

    def _fetched(self, state: DownloadState) -> None:
        """A source that was caught is named, though another one helped."""
        if state.state is State.DONE and state.refused:
            title = localized(self._studio.library.entry(state.id).model.title)
            words = {"title": title, "sources": ", ".join(state.refused)}
            self.window.banner.show_notice("warning", "downloads.refused", "downloads.refused.hint", **words)

    def come_to_front(self, activation: str = "") -> None:
        """*activation*: the desktop's permission, where it gives one."""
        if activation:
            os.environ["XDG_ACTIVATION_TOKEN"] = activation
        self.window.setWindowState(self.window.windowState() & ~Qt.WindowState.WindowMinimized)
        self.window.show()
        self.window.raise_()
        self.window.activateWindow()

    async def _start(self) -> None:
        try:
            await self._studio.start()
        except StudioError as error:
            log.exception("the studio could not start")
            self._open()  # panels that need nothing of what is broken are there all the same
            self.window.banner.show_failure(error.failure)
            return
        if not self.window.current.value:
            self.window.go("home")
        self._open()
        self._spawn(self._settle())
        self._spawn(self._catch_up())
        if not fonts.has_chinese():
            self.window.banner.show_notice("warning", "frame.no_chinese_font", "frame.no_chinese_font.hint")
        held = sum(job.state == "held" for job in self._studio.queue.jobs)
        if held:
            self.window.banner.show_notice(
                "accent",
                "frame.held.one" if held == 1 else "frame.held",
                button_key="frame.held.resume",
                action=self._resume_held,
                count=held,
            )

    def _resume_held(self) -> None:
        try:
            self._studio.queue.resume_all()
        except StudioError as error:
            self._desk.complain(error.failure)

    def _open(self) -> None:
        if not self._desk.is_open:
            self._desk.open()

    async def _settle(self) -> None:
        """What the first picture need not wait for."""
        await self._studio.read_machine()
        await self._studio.judge_models()
        await self._studio.tidy()

    async def _catch_up(self) -> None:
        """What a terminal made or fetched meanwhile is shown; not looked for while nobody looks."""
        while True:
            await asyncio.sleep(CATCH_UP_SECONDS)
            if self.window.isVisible() and not self.window.isMinimized():
                await self._studio.catch_up()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("something failed in the background", exc_info=error)
            self._desk.complain(_failure_of(error))

    # --- what panels ask for --------------------------------------------------------------------

    def _use(self, request: Request) -> Panel | None:
        for spec in self._shell.specs:
            if request.task in spec.tasks:
                panel = self.window.go(spec.key)
                panel.restore(request)
                return panel
        return None

    def _open_result(self, path: Path) -> None:
        queue = self._shell.queue
        if queue is not None and queue.isVisible():
            queue.close_sheet()  # it would lie over the result
        self.window.go("gallery").open_result(path)

    def _make(self, order: Order) -> None:
        panel = self._use(order.request)
        job = panel.generate() if panel is not None else None
        if job is not None and order.accepted is not None:
            order.accepted(job)

    async def _dropped(self, paths: list[Path]) -> None:
        """A result dropped on the window fills the fields that made it; a model joins the list."""
        for path in paths:
            found = await asyncio.to_thread(read, path)
            if found is not None and (found.request is not None or found.values):
                # Another program's picture names no model of ours: the chosen one stays.
                other = Request(task="image", family="", model="", values=found.values)
                self._desk.use_again(found.request or other)
                self._desk.say(t("frame.restored", name=path.name))
                return
        if paths:
            await self._dropped_model(paths[0])

    async def _dropped_model(self, path: Path) -> None:
        """Say what it is, whether it can be used and how."""
        finding = await asyncio.to_thread(lambda: identify(path, pickles=True))
        if finding.kind == "unknown" and not finding.container:
            if await asyncio.to_thread(path.is_dir):  # no model, and perhaps full of them
                from studio.app.panels.models.scan import ScanDialog

                ScanDialog(self._desk, self.window, path).show()
            else:  # most likely never meant as a model
                self._desk.say(t("frame.nothing_inside", name=path.name))
            return
        from studio.app.found.dropped import DroppedModel  # not needed for the first window

        DroppedModel(self._desk, finding, self.window).show()

    async def _meter(self, feed: StripFeed) -> None:
        """The memory figure of the strip, read off the window's thread, not at all while nobody looks."""
        meter = Meter()
        while True:
            if self.window.isVisible() and not self.window.isMinimized():
                figures = await asyncio.to_thread(meter.read)
                feed.show_memory(figures.ram_used_bytes, figures.ram_total_bytes)
            await asyncio.sleep(METER_SECONDS)


def _failure_of(error: BaseException) -> Failure:
    if isinstance(error, StudioError):
        return error.failure
    return Failure(code="internal", values={"reason": str(error)}, details=repr(error))
