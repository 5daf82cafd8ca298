"""How fast a model is here, from what was measured or predicted; without widgets.

A request that nobody typed stands for it: the model's own defaults and its first example.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from studio.domain.ability import BARS, Verdict, pace, pace_words
from studio.domain.family import FamilySpec
from studio.domain.model import Model
from studio.domain.parameter import Text
from studio.domain.plan import Estimate, Fit
from studio.domain.quantity import duration
from studio.domain.request import Request
from studio.domain.text import t
from studio.families.registry import families
from studio.services.library.library import Entry

if TYPE_CHECKING:
    from studio.services.studio import Studio


class Speed(Struct, frozen=True):
    """What the fit line knows of a model, and its speed; None where nothing is known of it.

    `seconds` that a result takes, loading not counted: what `BARS` calls usual, else the example.
    `measured`: runs of this model stand behind it.
    """

    task: str
    estimate: Estimate | None = None
    seconds: float | None = None
    measured: bool = False

    @property
    def pace(self) -> float | None:
        """Pictures, tokens or seconds of sound a second, measured or predicted; None for other tasks."""
        if self.seconds is None or self.task not in BARS:
            return None
        return BARS[self.task].amount / max(self.seconds, 1e-6)

    @property
    def verdict(self) -> Verdict | None:
        """None while nothing is known, and of other tasks."""
        if self.task not in BARS or self.pace is None:
            return None
        if self.estimate is not None and self.estimate.fit is Fit.RED:
            return Verdict.NOT_POSSIBLE
        return pace(self.task, self.pace)


def spec_of(model: Model) -> FamilySpec | None:
    """None for a model of a family that this version lacks."""
    return families().get(model.family)


def example(model: Model, language: str) -> str:
    """A prompt that comes out well, "" for a model that needs none."""
    return next(iter(model.prompts(language)), "")


def example_request(model: Model, spec: FamilySpec, task: str, prompt: str, device: str = "auto") -> Request:
    """The model's defaults with *prompt*; its seed is left open."""
    parameters = spec.parameters_for(model)
    values = {p.name: p.default for p in parameters if not p.hidden}
    if any(p.name == "prompt" and isinstance(p, Text) for p in parameters):
        values["prompt"] = prompt
    return Request(task=task, family=spec.name, model=model.id, values=values, device=device)


def speed_of(studio: Studio, entry: Entry, task: str, prompt: str = "") -> Speed:
    """What is known of *entry* at its defaults on the device of the settings."""
    model = entry.model
    spec = spec_of(model)
    if spec is None:
        return Speed(task, studio.estimator.rough(model))
    request = example_request(model, spec, task, prompt, studio.settings.value.device)
    weights = entry.installed.bytes if entry.installed else model.bytes
    estimate = studio.estimator.estimate(request, spec, weights=weights, least=model.memory_bytes)
    if task in BARS:  # as the Computer page judges it: one source for all
        usual = studio.candidate(entry, spec, task)
        return Speed(task, estimate, usual.seconds, measured=usual.measured)
    learnt = studio.estimator.learnt(request, spec, cold=False)
    if learnt is None:
        return Speed(task, estimate)
    seconds = max(learnt.seconds.mid - learnt.phases.get("load", 0.0), 0.0)
    return Speed(task, estimate, seconds, measured=True)


def speed_words(speed: Speed) -> str:
    """ "27 tokens a second", "60 x real time", "about 4 s"; "" while nothing is known."""
    if speed.task in BARS and speed.pace is not None:
        return pace_words(speed.task, speed.pace)
    return t("speed.seconds", time=duration(speed.seconds)) if speed.seconds is not None else ""
