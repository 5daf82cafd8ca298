"""What a family's pipeline sees of the engine while it works on one job."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from studio.domain.artifact import Artifact
from studio.domain.failure import Cancelled
from studio.domain.family import FamilySpec
from studio.domain.job import Outcome, Peak, Tokens
from studio.engine.pace import INTERVAL, Pace
from studio.engine.save import Saver
from studio.wire.messages import FromEngine, Notice, PhaseProgress, Preview, Run, Saved, TextDelta

if TYPE_CHECKING:
    import numpy as np
    from PIL.Image import Image

LARGE = 200_000_000  # parameters: a look at every leaf is nothing beside the work of one


class Context:
    """One job. `device` is concrete ("cpu", "cuda:0"), `threads` the CPU threads to use.

    `plan`: precision by part, memory format, tiling, as planned. `cancel` is set, by any thread, when the
    user stops the job; everything else is for the thread that runs it. Whatever reports progress
    raises Cancelled then.
    """

    def __init__(
        self,
        run: Run,
        spec: FamilySpec,
        *,
        send: Callable[[FromEngine, bytes], None],
        device: str = "cpu",
        threads: int = 1,
        cancel: threading.Event | None = None,
    ) -> None:
        self.spec = spec
        self.device = device
        self.threads = threads
        self.plan = run.plan
        self._job = run.job
        self._send = send
        self._cancel = cancel or threading.Event()
        self._pace = Pace(send)
        self._saver = Saver(run, spec, device)
        self._began = self._entered = self._stepped = time.monotonic()
        self._phase = ""
        self._previewed = 0.0
        self._timings: dict[str, float] = {}
        self._tokens: Tokens | None = None
        self._finish: str | None = None

    # --- cancel -----------------------------------------------------------------------------------

    @property
    def cancelled(self) -> bool:
        """For callbacks that cannot raise."""
        return self._cancel.is_set()

    def check_cancelled(self) -> None:
        """Raises Cancelled when the user has stopped the job."""
        if self._cancel.is_set():
            raise Cancelled

    @contextmanager
    def guard(self, module: Any) -> Iterator[None]:
        """Within it, a call of the torch *module* raises Cancelled between its blocks, inside a step.

        A compiled module is left alone: it can only be stopped between steps.
        """
        hooks = [block.register_forward_pre_hook(self._look) for block in _blocks(module)]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _look(self, _module: object, _inputs: object) -> None:
        self.check_cancelled()

    # --- progress ---------------------------------------------------------------------------------

    def phase(self, name: str) -> None:
        """Enter the phase *name* of the family's `phases`; the one before ends here."""
        self.check_cancelled()
        self._leave_phase()
        self._phase = name
        self._pace.drop("progress")
        self._pace.offer("progress", PhaseProgress(job=self._job, phase=name))

    def _leave_phase(self) -> None:
        now = time.monotonic()
        if self._phase:
            self._timings[self._phase] = self._timings.get(self._phase, 0.0) + now - self._entered
        self._entered = self._stepped = now

    def progress(self, fraction: float | None) -> None:
        """How much of this phase is done, 0..1, or None for unknown. Call it as often as you like."""
        self.check_cancelled()
        self._pace.offer("progress", PhaseProgress(job=self._job, phase=self._phase, fraction=fraction))

    def step(self, i: int, n: int, latents: Any = None, *, index: int = 0) -> None:
        """Step *i* of *n* of this phase is done (1..n).

        *latents*, a tensor (batch, channels, height, width), becomes a preview of each picture, from
        number *index* on, if the family has a matrix for it (`FamilySpec.latent_rgb`).
        """
        self.check_cancelled()
        now = time.monotonic()
        seconds, self._stepped = now - self._stepped, now
        self._pace.offer(
            "progress",
            PhaseProgress(
                job=self._job, phase=self._phase, fraction=i / n, step=i, steps=n, step_seconds=seconds
            ),
        )
        matrix = None if latents is None else self.spec.latent_rgb.get(latents.shape[1])
        if matrix and now - self._previewed >= INTERVAL:
            self._previewed = now
            for n_th, (rgb, width, height) in enumerate(_pictures(latents, matrix)):
                self.preview(rgb, width, height, index + n_th)

    def preview(self, rgb: bytes, width: int, height: int, index: int = 0) -> None:
        """Show a picture on its way: `height * width * 3` bytes, rows from the top."""
        message = Preview(job=self._job, index=index, width=width, height=height)
        self._pace.offer(("preview", index), message, rgb)

    def text(self, delta: str) -> None:
        """The next piece of a text."""
        self.check_cancelled()
        self._send(TextDelta(job=self._job, text=delta), b"")

    def notice(self, key: str, **values: object) -> None:
        """Tell the user something while the job goes on: a text key and what fills its placeholders."""
        message = Notice(job=self._job, key=key, values={name: str(value) for name, value in values.items()})
        self._send(message, b"")

    # --- results ----------------------------------------------------------------------------------

    def save_image(self, image: Image, *, index: int = 0, seed: int | None = None) -> Artifact:
        """Save as PNG. Raises StudioError `output.suspect` for a picture of one flat colour."""
        return self.saved(self._saver.image(image, index=index, seed=seed))

    def save_audio(
        self,
        samples: np.ndarray,
        rate: int,
        *,
        index: int = 0,
        seed: int | None = None,
        format: str = "wav",  # noqa: A002
    ) -> Artifact:
        """Save *samples*, float32 (n,) or (n, channels) in -1..1 at *rate* Hz, as "wav" or "flac".

        Raises StudioError `output.suspect` for silence or what is not a number.
        """
        return self.saved(self._saver.audio(samples, rate, index=index, seed=seed, format=format))

    def save_text(self, text: str, *, index: int = 0, extension: str = "txt") -> Artifact:
        """Save *text* in UTF-8."""
        return self.saved(self._saver.text(text, index=index, extension=extension))

    def save_bytes(self, data: bytes, *, extension: str, media_type: str, index: int = 0) -> Artifact:
        """Save anything else."""
        return self.saved(self._saver.other(data, extension=extension, media_type=media_type, index=index))

    def saved(self, artifact: Artifact) -> Artifact:
        """Tell of a result that is on the disk already."""
        self._pace.flush()
        self._send(Saved(job=self._job, artifact=artifact), b"")
        return artifact

    def tokens(self, *, prompt: int, generated: int, per_second: float, context: int = 0) -> None:
        """What a text cost. *context*: tokens of it that are in use now."""
        self._tokens = Tokens(prompt=prompt, generated=generated, per_second=per_second, context=context)

    def finish(self, reason: str) -> None:
        """Why the text ended: "stop" by itself, "limit" at the longest allowed."""
        self._finish = reason

    # --- for the worker ---------------------------------------------------------------------------

    def end(self) -> None:
        """Nothing about this job is sent after this call."""
        self._leave_phase()
        self._phase = ""
        self._pace.flush()

    def outcome(self, peak: Peak) -> Outcome:
        """What the job cost so far; call `end` first."""
        return Outcome(
            timings={**self._timings, "total": time.monotonic() - self._began},
            peak=peak,
            device=self.device,
            tokens=self._tokens,
            finish=self._finish,
        )


def _blocks(module: Any) -> list[Any]:
    """The parts of *module* that run one after another: the items of its lists, and of the lists in those.

    Not deeper in a small one: each look costs about 10 microseconds, and the parts of a part are over
    soon. Of a large one the leaves, since one block may take seconds; without lists, too.
    """
    import torch

    if getattr(module, "_orig_mod", None) is not None or getattr(module, "_compiled_call_impl", None):
        return []

    def items(parent: Any, depth: int) -> Iterator[Any]:
        for child in parent.children():
            listed = isinstance(parent, torch.nn.ModuleList | torch.nn.Sequential)
            if listed:
                yield child
            if depth > listed:
                yield from items(child, depth - listed)

    large = sum(parameter.numel() for parameter in module.parameters()) >= LARGE
    blocks = [] if large else list(items(module, 2))
    return blocks or [m for m in module.modules() if next(m.children(), None) is None]


def _pictures(latents: Any, matrix: tuple[tuple[float, ...], ...]) -> Iterator[tuple[bytes, int, int]]:
    """RGB bytes, width and height for each of a batch of latents (batch, channels, height, width)."""
    import numpy as np

    values = latents.detach().float().cpu().numpy()
    *rows, constant = np.asarray(matrix, dtype=np.float32)
    colours = (np.einsum("bchw,cr->bhwr", values, np.stack(rows)) + constant) * 0.5 + 0.5
    for picture in (np.clip(np.nan_to_num(colours), 0, 1) * 255).round().astype(np.uint8):
        yield picture.tobytes(), picture.shape[1], picture.shape[0]
