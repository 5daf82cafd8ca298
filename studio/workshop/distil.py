"""A student that learns from a teacher: a smaller language model, or a denoiser that needs few steps.

It learns for so many minutes, not steps. What it has learnt is kept every minute and when it is stopped, and
the same wish goes on from there.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from studio.domain.anatomy import DIFFUSERS, MODEL, Anatomy, Part
from studio.domain.comparison import Note
from studio.domain.failure import Cancelled
from studio.domain.quantity import duration
from studio.wire import files
from studio.workshop.making import PARTS, Making, making
from studio.workshop.parts import copy_rest, load, opened, place_of, size_of
from studio.workshop.report import compare

if TYPE_CHECKING:
    from studio.engine.context import Context
    from studio.wire.messages import Run

KEEP_SECONDS = 60.0
FIRST = 3  # steps after which it is said how long one takes
PASSING = ("minutes", "name", "report", "trial", "control")
"""Values that do not change what a student has learnt so far."""


class Learnt(Struct, kw_only=True):
    """How far one student is: `seconds` it has learnt, in `steps`."""

    seconds: float = 0.0
    steps: int = 0


def work(context: Context, run: Run) -> None:
    """See `METHODS`. Raises StudioError `workshop.impossible`, `disk.full`."""
    with making(context, run) as made:
        model = opened(made)
        part = model.denoiser if model.layout == DIFFUSERS else model.parts.get(MODEL)
        if part is None:
            raise made.impossible("workshop.reason.distil")
        made.need(4 * sum(size_of(each) for each in model.parts.values()))
        kept = Path(run.outputs) / PARTS / f"distil-{_key(made)}"
        kept.mkdir(parents=True, exist_ok=True)
        if model.layout == DIFFUSERS:
            from studio.workshop.distil_steps import Steps

            school: Any = Steps(made, model, part)
        else:
            school = Language(made, part)
        _teach(made, school, kept)
        _publish(made, model, part, school)
        shutil.rmtree(kept)


class Language:
    """Half the layers, or so, of the teacher, that learn what it says of every next word."""

    words = "student"

    def __init__(self, made: Making, part: Part) -> None:
        import torch

        self._made, self._part = made, part
        self._teacher = load(made, part, torch.float32)
        self.parameters: dict[str, Any] = {}
        self.trial: dict[str, Any] = {}
        self.notes: list[Note] = []
        self.figures: dict[str, float] = {}
        self.student: Any = None

    def enrol(self, *, alone: bool) -> tuple[Any, Any]:
        """A new student and its course; *alone*: without the teacher."""
        import torch

        from studio.workshop import prune_language
        from studio.workshop.lessons import Words

        torch.manual_seed(self._made.values["seed"])
        less = 1 - self._made.values["share"]
        few = round(less * len(self._teacher.model.layers)) > len(self._teacher.model.layers) - 2
        way = prune_language.without_channels if few else prune_language.without_layers
        return way(self._made, self._teacher, less), Words(self._made, None if alone else self._teacher)

    def weights(self, student: Any) -> dict[str, Any]:
        return dict(student.named_parameters())

    def write(self, student: Any, folder: Path) -> None:
        student.save_pretrained(folder, safe_serialization=True)


def _teach(made: Making, school: Any, kept: Path) -> None:
    """The student with its teacher, then another without, and what became of both on `school`."""
    made.context.phase("train")
    made.context.progress(None)
    student, course = school.enrol(alone=False)
    untaught = course.error(student)
    _learn(made, school, student, course, kept / "taught", "train")
    school.student = student
    school.figures = {"error_before": untaught, "error_after": course.error(student)}
    if made.values["control"]:
        made.context.phase("control")
        other, lessons = school.enrol(alone=True)
        _learn(made, school, other, lessons, kept / "alone", "control")
        school.figures["error_alone"] = lessons.error(other)
        better = school.figures["error_after"] < school.figures["error_alone"]
        verdict = "workshop.note.taught_better" if better else "workshop.note.taught_worse"
        school.notes.append(Note(key=verdict))


def _learn(made: Making, school: Any, student: Any, course: Any, kept: Path, phase: str) -> None:
    """Until its minutes are over, from where it was stopped before."""
    made.context.phase(phase)
    total = 60.0 * made.values["minutes"]
    learnt = _take_up(school, student, kept)
    course.begin(student)
    said = began = time.monotonic()
    before = learnt.seconds
    try:
        while learnt.seconds < total:
            course.learn(student)
            learnt.steps += 1
            now = time.monotonic()
            learnt.seconds = before + now - began
            made.context.progress(min(1.0, learnt.seconds / total))
            if learnt.steps == FIRST and phase == "train":
                _tell_pace(made, (now - began) / FIRST, total)
            if now - said > KEEP_SECONDS:
                _keep(school, student, kept, learnt)
                said = now
    except Cancelled:
        _keep(school, student, kept, learnt)
        raise
    _keep(school, student, kept, learnt)


def _tell_pace(made: Making, step: float, total: float) -> None:
    steps = f"{total / step:,.0f}"
    made.context.notice("workshop.notice.pace", step=f"{step:.2g}", time=duration(total), steps=steps)


def _keep(school: Any, student: Any, kept: Path, learnt: Learnt) -> None:
    from safetensors.torch import save_file

    kept.mkdir(parents=True, exist_ok=True)
    aside = kept / "student.part"
    save_file({n: v.detach().clone().contiguous() for n, v in school.weights(student).items()}, aside)
    aside.replace(kept / "student.safetensors")
    files.write(kept / "learnt.json", msgspec.json.encode(learnt))


def _take_up(school: Any, student: Any, kept: Path) -> Learnt:
    """What was learnt before goes into *student*."""
    import torch
    from safetensors.torch import load_file

    if not (kept / "learnt.json").is_file():
        return Learnt()
    known = load_file(kept / "student.safetensors")
    with torch.no_grad():
        for name, value in school.weights(student).items():
            value.copy_(known[name])
    return msgspec.json.decode((kept / "learnt.json").read_bytes(), type=Learnt)


def _key(made: Making) -> str:
    same = {name: value for name, value in made.values.items() if name not in PASSING}
    told = json.dumps([made.source.id, same], sort_keys=True, default=str)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _publish(made: Making, model: Anatomy, part: Part, school: Any) -> None:
    made.context.phase("write")
    copy_rest(made, model, [part.name])
    school.write(school.student, place_of(made, model, part))
    report = compare(
        made, figures=school.figures, notes=school.notes, trial=school.trial, parameters=school.parameters
    )
    made.context.saved(made.publish(report, school.words))
