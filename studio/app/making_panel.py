"""The frame of a panel that makes something: model above, workspace, prompt below, form at the right.

A panel fills `workspace` and, if it wants, `head` (at the right of the model picker) and `side` (a column
at the left of everything).
"""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QHBoxLayout, QLineEdit, QStackedLayout, QVBoxLayout, QWidget

from studio.app.desk import Desk
from studio.app.elsewhere import elsewhere
from studio.app.fit import FitShower, MemoryBox
from studio.app.form import Form, SimpleMore
from studio.app.language import on_language
from studio.app.making import Making
from studio.app.observable import bind, watch
from studio.app.panel import Panel
from studio.app.plan_sheet import open_on_click
from studio.app.repair import repair, repairable
from studio.app.widgets.empty_state import EmptyState
from studio.app.widgets.inspector import Inspector
from studio.app.widgets.model_picker import ModelItem, ModelPicker
from studio.app.widgets.prompt_box import PromptBox
from studio.domain.failure import Failure
from studio.domain.job import Job
from studio.domain.quantity import size
from studio.domain.request import Request
from studio.domain.text import localized, t
from studio.services.library.library import Entry

MARGIN = 22


class MakingPanel(Panel):
    """*making* is the view-model, *prompt* the box at the bottom; both wired here."""

    def __init__(self, desk: Desk, making: Making, prompt: PromptBox) -> None:
        super().__init__()
        self.desk = desk
        self.making = making
        self.prompt = prompt
        self.picker = ModelPicker()
        self.head = QHBoxLayout()
        self.side = QHBoxLayout()
        self.workspace = QVBoxLayout()
        self._whole = QStackedLayout()
        self._lay_out()
        self.inspector = self._inspector()
        self._wire()

    def restore(self, request: Request) -> None:
        self.making.restore(request)

    def close_down(self) -> None:
        self.making.close()

    def generate(self, front: bool = False) -> Job | None:
        """Ask for what the fields say. A panel that needs more than the form says overrides this."""
        return self.making.generate(front=front)

    # --- how it is put together ----------------------------------------------------------------

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.addWidget(self.picker)
        top.addStretch(1)
        top.addLayout(self.head)
        work = QWidget()
        work.setLayout(self.workspace)
        self.workspace.setContentsMargins(0, 0, 0, 0)
        self.workspace.setSpacing(14)
        nothing = EmptyState("models", "making.none", "making.none.words", "making.none.get", "download")
        nothing.clicked.connect(lambda: self.desk.go("models"))
        holder = QWidget()
        holder.setLayout(self._whole)
        self._whole.addWidget(work)
        self._whole.addWidget(nothing)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addLayout(self.side)
        column = QVBoxLayout()
        row.addLayout(column, 1)
        column.setContentsMargins(MARGIN, 18, MARGIN, 12)
        column.setSpacing(14)
        column.addLayout(top)
        column.addWidget(holder, 1)
        column.addWidget(self.prompt)

    def _inspector(self) -> Inspector:
        inspector = Inspector()
        inspector.head.addWidget(SimpleMore(self.making.form))
        inspector.body.addWidget(Form(self.making.form), 0, Qt.AlignmentFlag.AlignTop)
        inspector.body.addStretch(1)
        inspector.foot.addWidget(MemoryBox(self.making.estimate))
        return inspector

    def _wire(self) -> None:
        making, prompt = self.making, self.prompt
        FitShower(prompt.fit, making.estimate)
        open_on_click(prompt.fit, self, making)
        bind(making.prompt, prompt.set_text, prompt.text_changed)
        prompt.generate_requested.connect(self._ask)
        prompt.stop_requested.connect(making.stop)
        self.picker.changed.connect(making.choose)
        watch(making.models, self._show_models)
        bind(making.entry, self._show_entry)
        bind(making.job, self._show_busy)
        watch(making.failure, self._complain)
        bind(making.has_prompt, prompt.area.setVisible, owner=prompt)
        on_language(self._list_models)

    def _ask(self, front: bool) -> None:
        typed = QApplication.focusWidget()
        if isinstance(typed, QLineEdit):  # asked for by key: what stands in the field counts as entered
            typed.clearFocus()
            typed.setFocus()
        self.desk.withdraw()
        self.generate(front)

    def _list_models(self) -> None:
        self._show_models(self.making.models.value)
        self._show_entry(self.making.entry.value)

    def _show_models(self, entries: tuple[Entry, ...]) -> None:
        several = len({task for entry in entries for task in entry.model.tasks}) > 1
        self.picker.set_models([_item(entry, tell_task=several) for entry in entries])

    def _show_entry(self, entry: Entry | None) -> None:
        self._whole.setCurrentIndex(0 if entry else 1)
        self.prompt.set_ready(entry is not None)
        if entry is not None:
            self.picker.set_value(entry.model.id)

    def _show_busy(self, _: Job | None) -> None:
        self.prompt.set_running(self.making.busy)

    def _complain(self, failure: Failure | None) -> None:
        if failure is None:
            self.desk.withdraw()
        elif place := elsewhere(self.desk.studio, failure):
            self.desk.complain(failure, place.key, lambda: self.making.run_on(place.device), **place.values)
        elif broken := repairable(self.desk, failure, self._asked_for()):
            self.desk.complain(failure, "disk.repair", lambda: repair(self.desk, broken))
        elif failure.retryable:
            self.desk.complain(failure, "app.retry", self.generate)
        elif failure.code.startswith("model."):
            self.desk.complain(failure, "making.open_models", lambda: self.desk.go("models"))
        else:
            self.desk.complain(failure)

    def _asked_for(self) -> str:
        """The id of the model that was last asked for something."""
        job, model = self.making.job.value, self.making.model
        return job.request.model if job is not None else model.id if model is not None else ""


def _item(entry: Entry, *, tell_task: bool) -> ModelItem:
    """How the picker shows it; what it makes is only told where they differ."""
    note = t("making.installed", size=size(entry.installed.bytes if entry.installed else 0))
    if tell_task:
        note = f"{t(f'task.{entry.model.tasks[0]}')}  •  {note}"
    return ModelItem(entry.model.id, localized(entry.model.title), note)
