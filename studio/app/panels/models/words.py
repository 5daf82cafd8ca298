"""What cards and details say of a model, in words."""

from __future__ import annotations

from studio.app.fit import TONES, fit_words
from studio.app.panels.models.state import ModelState
from studio.app.speed import Speed, speed_words
from studio.app.strip_feed import ICONS
from studio.domain.licence import Licence
from studio.domain.model import Model
from studio.domain.plan import Fit
from studio.domain.quantity import size
from studio.domain.text import t

TASK_ICONS = ICONS | {
    "sound": "volume",
    "video": "play",
    "transcribe": "chat",
    "upscale": "expand",
    "cutout": "edit",
    "model3d": "gpu",
    "control": "fit",
    "lora": "style",
    "preview": "eye",
    "part": "link",
}


def icon_of(model: Model) -> str:
    return TASK_ICONS.get(model.tasks[0], "models")


def tasks_of(model: Model) -> str:
    return ", ".join(t(f"task.{task}") for task in model.tasks)


def kind_words(model: Model) -> str:
    """ "Text  •  en zh": what it makes and in which languages."""
    names = " ".join(model.languages)
    return f"{tasks_of(model)}  •  {names}" if names else tasks_of(model)


def size_words(state: ModelState) -> str:
    """On disk once it is here, to fetch before; "about" where nobody weighed it."""
    if state.here:
        return size(state.bytes) if state.bytes else t("models.no_file")
    if state.bytes is None:
        return t("models.size_unknown")
    words = size(state.bytes)
    return t("models.about", size=words) if state.model.approximate else words


def licence_words(licence: Licence) -> str:
    """ "MIT  •  may be sold"."""
    terms = t(f"licence.{licence.commercial}.short")
    return f"{licence.id}  •  {terms}" if licence.id else terms


def speed_line(speed: Speed) -> tuple[str, str]:
    """Tone and words for how a model runs here: whether it fits, and how fast it is."""
    estimate = speed.estimate
    if estimate is None or (estimate.fit is Fit.UNKNOWN and speed.seconds is None):
        return "muted", t("fit.unknown")
    if speed.seconds is None:
        words = fit_words(estimate)
        if estimate.seconds is None:
            words += f"  •  {t('models.unmeasured')}"
        return TONES[estimate.fit], words
    fit = "" if estimate.fit is Fit.UNKNOWN else f"{t(f'fit.{estimate.fit}')}  •  "
    return TONES[estimate.fit], fit + speed_words(speed)


def rough_line(state: ModelState) -> tuple[str, str]:
    """For one that cannot run yet: what it will want."""
    estimate, vram = state.speed.estimate, state.model.vram_bytes
    if estimate is None or estimate.fit is Fit.UNKNOWN:
        return "muted", t("fit.unknown")
    if vram is not None:
        return TONES[estimate.fit], t("models.wants_card", size=size(vram))
    return TONES[estimate.fit], t("models.takes", size=size(state.model.memory_bytes))


def short_speed_line(state: ModelState) -> tuple[str, str]:
    """As `speed_line`, for a card: the verdict, and what one result takes."""
    if state.mode == "coming":
        return rough_line(state)
    speed = state.speed
    estimate = speed.estimate
    if estimate is None or estimate.fit is Fit.UNKNOWN:
        return speed_line(speed)
    pace = speed_words(speed)
    if pace and estimate.fit is not Fit.RED:
        return TONES[estimate.fit], f"{t(f'fit.{estimate.fit}')}  •  {pace}"
    if estimate.memory is not None:
        need = size(estimate.memory.mid)
        return TONES[estimate.fit], f"{t(f'fit.{estimate.fit}')}  •  {t('models.takes', size=need)}"
    return speed_line(speed)
