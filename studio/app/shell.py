"""The window as it is first painted: rail, strip, Home. Nothing here needs more than the desk's basis.

What is clicked before the studio runs waits on the desk; what is to be said is said at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from studio.app import keys
from studio.app.desk import Complaint, Desk, Word
from studio.app.panels import panel_specs
from studio.app.strip import HEIGHT
from studio.app.strip_model import StripModel
from studio.app.window import StudioWindow
from studio.domain.text import t

if TYPE_CHECKING:
    from studio.app.queue_view import QueueSheet
    from studio.app.widgets.banner import Banner


class Shell:
    """The window, what it is made of, and the desk's words in it. `queue`: its sheet, once asked for."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.queue: QueueSheet | None = None
        self.specs = panel_specs(desk)
        self.strip = StripModel()
        self.strip.offline.value = desk.basis.offline
        self.window = StudioWindow(self.specs, self.strip, when_open=desk.when_open)
        self.strip.queue_requested.connect(lambda _: self._toggle_queue())
        self.strip.job_chosen.connect(lambda job: self._queue_sheet().open(job))
        self.strip.network_requested.connect(lambda _: desk.go("settings/network"))
        keys.shortcut("queue", self.window, self._toggle_queue)
        desk.complained.connect(self._complain)
        desk.withdrawn.connect(lambda key: self._banner(key).clear())
        desk.said.connect(self._say)
        desk.unsaid.connect(self.window.toasts.withdraw)

    def _toggle_queue(self) -> None:
        self._desk.when_open(lambda: self._queue_sheet().toggle())

    def _queue_sheet(self) -> QueueSheet:
        """Made when it is first asked for."""
        if self.queue is None:
            from studio.app.queue_view import QueueSheet
            from studio.app.queue_view_model import QueueViewModel

            self.queue = QueueSheet(self.window, QueueViewModel(self._desk), bottom=HEIGHT)
        return self.queue

    def _complain(self, complaint: Complaint) -> None:
        """Above the panel that complains; who looks at another one is told for a moment."""
        self._banner(complaint.panel).show_failure(
            complaint.failure, complaint.action_key, complaint.action, **complaint.values
        )
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
