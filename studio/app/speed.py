"""How fast a model is here, from what was measured; without widgets.

A request that nobody typed stands for it: the model's own defaults and its first example.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from studio.domain.family import FamilySpec
from studio.domain.model import Model
from studio.domain.parameter import Text
from studio.domain.plan import Estimate
from studio.domain.quantity import duration
from studio.domain.request import Request
from studio.domain.text import t
from studio.families.registry import families
from studio.services.abilities import Verdict, pace
from studio.services.library.library import Entry

if TYPE_CHECKING:
    from studio.services.studio import Studio


class Speed(Struct, frozen=True):
    """What the fit line knows of a model, and its measured speed; None where nothing was measured.

    `seconds` for the example, loading not counted; `rate` as in the history.
    """

    task: str
    estimate: Estimate | None = None
    seconds: float | None = None
    rate: float | None = None

    @property
    def measured(self) -> bool:
        return self.seconds is not None

    @property
    def verdict(self) -> Verdict | None:
        """None while nothing was measured."""
        if self.seconds is None:
            return None
        return pace(self.task, self.rate if self.rate is not None else 1 / max(self.seconds, 1e-6))


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
        return Speed(task)
    request = example_request(model, spec, task, prompt, studio.settings.value.device)
    weights = entry.installed.bytes if entry.installed else model.bytes
    estimate = studio.estimator.estimate(request, spec, weights=weights, least=model.memory_bytes)
    learnt = studio.estimator.learnt(request, spec, cold=False)
    if learnt is None:
        return Speed(task, estimate)
    seconds = max(learnt.seconds.mid - learnt.phases.get("load", 0.0), 0.0)
    return Speed(task, estimate, seconds, learnt.rate)


def speed_words(speed: Speed) -> str:
    """ "27 tokens a second", "60 x real time", "about 4 s"; "" while nothing was measured."""
    if speed.seconds is None:
        return ""
    if speed.rate is None:
        return t("speed.seconds", time=duration(speed.seconds))
    if speed.task == "text":
        return t("speed.tokens", n=f"{speed.rate:.0f}" if speed.rate >= 10 else f"{speed.rate:.1f}")
    return t("speed.real_time", n=f"{speed.rate:.0f}" if speed.rate >= 10 else f"{speed.rate:.1f}")
