"""What a request will take here, said before anything loads: as planned, else as measured, else a guess."""

from __future__ import annotations

from collections.abc import Callable

from studio.domain.family import FamilySpec
from studio.domain.machine import Accelerator
from studio.domain.model import Model
from studio.domain.plan import Estimate, Fit, Planned, Span, fit
from studio.domain.request import Request
from studio.services.history import History, Learnt, work_of
from studio.services.planning import Planner

GUESS = (0.8, 1.3)  # around what was never measured
OTHER_SIZE = (0.9, 1.4)  # around what was measured at another size


class Estimator:
    """*planner* answers for what can be counted; the rest is for what cannot.

    *ram*: bytes that the engine may use in all. *accelerators*: those known. *resident*: is it loaded?
    """

    def __init__(
        self,
        history: History,
        planner: Planner,
        *,
        ram: Callable[[], int],
        accelerators: Callable[[], tuple[Accelerator, ...]],
        resident: Callable[[str], bool],
    ) -> None:
        self._history = history
        self._planner = planner
        self._ram = ram
        self._accelerators = accelerators
        self._resident = resident

    def device(self, request: Request, spec: FamilySpec) -> str:
        """The concrete device: asked for, or where "auto" led before, or will probably lead."""
        if request.device != "auto":
            return request.device
        known = self._history.device_of(request.model, spec.name, "auto")
        if known is not None:
            return known
        usable = [a.device for a in self._accelerators() if a.usable and a.device]
        return usable[0] if usable else "cpu"

    def learnt(self, request: Request, spec: FamilySpec, *, cold: bool) -> Learnt | None:
        """What earlier runs on this request's device say of it. Its values are complete."""
        work = work_of(spec, request.values)
        device = self.device(request, spec)
        return self._history.learnt(request.model, spec.name, device, work, cold=cold)

    def seconds(self, request: Request, spec: FamilySpec, *, cold: bool) -> float | None:
        """About how long a job that waits will take, None while nobody knows."""
        learnt = self.learnt(request, spec, cold=cold)
        if learnt is not None:
            return learnt.seconds.mid
        plans = self._planner.plans(request, spec)
        seconds = plans.plans[0].prediction.seconds if plans is not None and plans.plans else None
        return seconds.mid if seconds is not None else None

    def rough(self, model: Model) -> Estimate:
        """Whether a model would fit that no family here can run, by what its maker or its users say of it."""
        cards = [card.memory_total_bytes or 0 for card in self._accelerators() if card.device]
        own = bool(cards) and model.vram_bytes is not None
        need, available = (
            (model.vram_bytes if own else model.memory_bytes),
            max(cards) if own else self._ram(),
        )
        if not need:
            return Estimate(fit=Fit.UNKNOWN, memory=None, available_bytes=available)
        memory = Span(low=GUESS[0] * need, mid=need, high=GUESS[1] * need)
        return Estimate(fit=fit(memory, available), memory=memory, available_bytes=available)

    def estimate(
        self, request: Request, spec: FamilySpec, *, weights: int | None, least: int = 0
    ) -> Estimate:
        """*weights*: bytes of the model on disk, None when unknown. *least*: bytes its maker says it needs.

        Cheap enough for every change of a field.
        """
        plans = self._planner.plans(request, spec)
        if plans is not None and plans.plans:
            return _of(plans.plans[0])
        learnt = self.learnt(request, spec, cold=not self._resident(request.model))
        card = next((a for a in self._accelerators() if a.device == self.device(request, spec)), None)
        own_memory = card is not None and card.memory_free_bytes is not None
        available = card.memory_free_bytes if card is not None and own_memory else self._ram()
        available = available or 0
        measured = None
        if learnt is not None:
            measured = learnt.vram if own_memory else learnt.ram
        if measured is not None and learnt is not None:
            memory = measured if learnt.exact else _around(measured.mid, OTHER_SIZE)
        elif weights is None:
            memory = None
        else:
            guess = spec.memory.per_weight_byte * weights + (0 if own_memory else spec.memory.base)
            memory = _around(max(guess, least), GUESS)
        return Estimate(
            fit=fit(memory, available) if available else Fit.UNKNOWN,
            memory=memory,
            available_bytes=available,
            seconds=learnt.seconds if learnt else None,
            parts=_parts(memory, spec, weights or 0, own_memory=own_memory),
            measured=learnt is not None and learnt.exact,
        )


def _of(planned: Planned) -> Estimate:
    prediction = planned.prediction
    return Estimate(
        fit=planned.fit,
        memory=planned.memory,
        available_bytes=planned.available_bytes,
        seconds=prediction.seconds,
        parts={name: round(size) for name, size in prediction.breakdown.items()},
        measured=planned.learnt,
        most=planned.most,
    )


def _around(middle: float, factors: tuple[float, float]) -> Span:
    return Span(low=middle * factors[0], mid=middle, high=middle * factors[1])


def _parts(memory: Span | None, spec: FamilySpec, weights: int, *, own_memory: bool) -> dict[str, int]:
    """The middle of the prediction by what uses it."""
    if memory is None:
        return {}
    total = round(memory.mid)
    weights = min(weights, total)
    base = 0 if own_memory else min(spec.memory.base, total - weights)
    parts = {"weights": weights, "base": base, "work": total - weights - base}
    return {name: size for name, size in parts.items() if size > 0}
