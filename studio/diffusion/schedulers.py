"""The drawing methods, built for a model from its own scheduler's configuration."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import diffusers
import torch

CLASSES: dict[str, tuple[str, dict[str, Any]]] = {
    "ddim": ("DDIMScheduler", {"clip_sample": False}),
    "dpmpp_2m": ("DPMSolverMultistepScheduler", {"use_karras_sigmas": False}),
    "dpmpp_2m_karras": ("DPMSolverMultistepScheduler", {"use_karras_sigmas": True}),
    "euler": ("EulerDiscreteScheduler", {"use_karras_sigmas": False}),
    "euler_a": ("EulerAncestralDiscreteScheduler", {}),
    "lcm": ("LCMScheduler", {"clip_sample": False}),
    "pndm": ("PNDMScheduler", {"skip_prk_steps": True}),
    "unipc": ("UniPCMultistepScheduler", {"use_karras_sigmas": False}),
}
"""Our names, diffusers' classes, and what must not be left to a model's configuration: that was written for
another method, and latents are not pixels, so that clipping them to -1..1 spoils the picture."""


def build(name: str, folder: Path, *, steps: int) -> Any:
    """The scheduler *name* for the model whose `scheduler_config.json` lies in *folder*."""
    class_name, options = CLASSES[name]
    kind = getattr(diffusers, class_name)
    config = kind.load_config(str(folder), local_files_only=True)
    if name == "lcm":  # it takes its steps from a finer schedule
        options = {**options, "original_inference_steps": max(50, steps)}
    return kind.from_config(config, **options)


class Guess:
    """What a scheduler takes the finished picture to be so far: a better preview than the noisy latents.

    Watches *scheduler*'s `step`. Where a method makes no such guess, `of` gives the latents back.
    """

    def __init__(self, scheduler: Any) -> None:
        self._scheduler = scheduler
        self._latest: torch.Tensor | None = None
        step = scheduler.step
        flow = isinstance(scheduler, diffusers.FlowMatchEulerDiscreteScheduler)

        @functools.wraps(step)  # the pipeline looks at its signature
        def watched(output: torch.Tensor, time: Any, sample: torch.Tensor, **kwargs: Any) -> Any:
            result = step(output, time, sample, **kwargs)
            if flow:  # what the flow leads to, straight on from here
                self._latest = sample - scheduler.sigmas[scheduler.step_index - 1] * output
            else:
                self._latest = result[1] if len(result) > 1 else None
            return result

        scheduler.step = watched

    def of(self, latents: torch.Tensor) -> torch.Tensor:
        """The guess after the last step, or *latents* themselves; both of one shape."""
        if self._latest is not None:
            return self._latest
        outputs = getattr(self._scheduler, "model_outputs", None)  # of the multi-step solvers: the picture
        return latents if not outputs or outputs[-1] is None else outputs[-1]
