"""Ties the window to the running studio: panels, strip, banner, dropped files, notifications, the end."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt

from studio.app import fonts, keys
from studio.app.desk import Complaint, Desk, Order, Word
from studio.app.notify import Notifier
from studio.app.panel import Panel
from studio.app.panels import panel_specs
from studio.app.queue_view import QueueSheet
from studio.app.queue_view_model import QueueViewModel
from studio.app.strip import HEIGHT
from studio.app.strip_feed import StripFeed
from studio.app.strip_model import StripModel
from studio.app.widgets.banner import Banner
from studio.app.window import StudioWindow
from studio.domain.failure import Failure, StudioError
from studio.domain.request import Request
from studio.domain.text import t
from studio.services.machine.meter import Meter
from studio.services.metadata import read

log = logging.getLogger(__name__)

METER_SECONDS = 2.0
CATCH_UP_SECONDS = 2.0


class Frame:
    """One window over one studio. `live` runs from the first paint to the close."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._studio = desk.studio
        self._specs = panel_specs(desk)
        self._strip = StripModel()
        self.window = StudioWindow(self._specs, self._strip)
        self._queue: QueueSheet | None = None
        self._strip.queue_requested.connect(lambda _: self._queue_sheet().toggle())
        self._strip.job_chosen.connect(lambda job: self._queue_sheet().open(job))
        self._strip.network_requested.connect(lambda _: self.window.go("settings"))
        keys.shortcut("queue", self.window, lambda: self._queue_sheet().toggle())
        self._closed = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        self.window.close_requested.connect(self._closed.set)
        self.window.files_dropped.connect(lambda paths: self._spawn(self._dropped(paths)))
        desk.go_requested.connect(self.window.go)
        desk.use_requested.connect(self._use)
        desk.make_requested.connect(self._make)
        desk.result_requested.connect(self._open_result)
        desk.complained.connect(self._complain)
        desk.withdrawn.connect(lambda key: self._banner(key).clear())
        desk.said.connect(self._say)
        desk.unsaid.connect(self.window.toasts.withdraw)

    async def live(self) -> None:
        """Start the studio, then stay until the window is closed."""
        feed = StripFeed(self._studio, self._strip)
        notifier = Notifier(self._studio, self.window)
        metering = asyncio.ensure_future(self._meter(feed))
        try:
            await self._start()
            gc.enable()  # off since the process began, so that the window opens sooner
            await self._closed.wait()
        finally:
            metering.cancel()
            for task in self._tasks:
                task.cancel()
            feed.close()
            notifier.close()
            if self._queue is not None:
                self._queue.close_down()
            for panel in self.window.made_panels():
                panel.close_down()

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
            self._desk.complain(error.failure)
            return
        self.window.go("home")
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

    async def _settle(self) -> None:
        """What the first picture need not wait for."""
        await self._studio.read_machine()
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

    def _queue_sheet(self) -> QueueSheet:
        """Made when it is first asked for."""
        if self._queue is None:
            self._queue = QueueSheet(self.window, QueueViewModel(self._desk), bottom=HEIGHT)
        return self._queue

    # --- what panels ask for --------------------------------------------------------------------

    def _use(self, request: Request) -> Panel | None:
        for spec in self._specs:
            if spec.task == request.task:
                panel = self.window.go(spec.key)
                panel.restore(request)
                return panel
        return None

    def _open_result(self, path: Path) -> None:
        if self._queue is not None and self._queue.isVisible():
            self._queue.close_sheet()  # it would lie over the result
        self.window.go("gallery").open_result(path)

    def _make(self, order: Order) -> None:
        panel = self._use(order.request)
        job = panel.generate() if panel is not None else None
        if job is not None and order.accepted is not None:
            order.accepted(job)

    def _complain(self, complaint: Complaint) -> None:
        """Above the panel that complains; who looks at another one is told for a moment."""
        self._banner(complaint.panel).show_failure(complaint.failure, complaint.action_key, complaint.action)
        key = complaint.panel
        if key and key != self.window.current.value:
            self.window.toasts.show_toast(
                t("frame.complains", panel=t(f"panel.{key}"), what=complaint.failure.message),
                icon="error",
                button=t("frame.show"),
                action=lambda: self.window.go(key),
            )

    def _banner(self, panel: str) -> Banner:
        """Before any panel is shown, only the window has one."""
        key = panel or self.window.current.value
        return self.window.banner_of(key) if key else self.window.banner

    def _say(self, word: Word) -> None:
        button = t(word.action_key) if word.action_key else ""
        self.window.toasts.show_toast(word.text, button=button, action=word.action)

    async def _dropped(self, paths: list[Path]) -> None:
        """A result dropped on the window fills the fields that made it."""
        for path in paths:
            found = await asyncio.to_thread(read, path)
            if found is not None and (found.request is not None or found.values):
                # Another program's picture names no model of ours: the chosen one stays.
                other = Request(task="image", family="", model="", values=found.values)
                self._desk.use_again(found.request or other)
                self._desk.say(t("frame.restored", name=path.name))
                return
        if paths:
            self._desk.say(t("frame.nothing_inside", name=paths[0].name))

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
