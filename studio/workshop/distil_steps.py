"""A denoiser that finds in four steps, without a second look for guidance, what its teacher finds in many.

From every point of the teacher's way it learns to name that way's end: consistency, as a LoRA that is then
merged.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from studio.domain.anatomy import Anatomy, Part
from studio.domain.comparison import Note
from studio.workshop.making import Making
from studio.workshop.parts import load
from studio.workshop.pictures import STEPS, Pictures, Way

RANK = 16
RATE = 1e-3
FEW = 4
LAYERS = ("to_q", "to_k", "to_v", "to_out.0", "proj_in", "proj_out", "ff.net.0.proj", "ff.net.2")
LORA = "pytorch_lora_weights.safetensors"


class Steps:
    """See `distil.Language`."""

    words = f"{FEW}-steps"

    def __init__(self, made: Making, model: Anatomy, part: Part) -> None:
        self._made, self._part = made, part
        self._lessons = Pictures(made, model, load(made, part, torch.float32))
        quick = {"steps": FEW, "guidance": 1.0, "scheduler": "lcm"}
        self.trial: dict[str, Any] = quick
        self.parameters = {name: {"default": value} for name, value in quick.items()}
        self.notes = [Note(key="workshop.note.few_steps", values={"steps": str(FEW)})]
        self.figures: dict[str, float] = {}
        self.student: Any = None

    def enrol(self, *, alone: bool) -> tuple[Any, Any]:
        """The teacher with a LoRA that changes nothing yet, and what it learns."""
        from peft import LoraConfig, inject_adapter_in_model

        torch.manual_seed(self._made.values["seed"])
        student = load(self._made, self._part, torch.float32)
        adapter = LoraConfig(r=RANK, lora_alpha=RANK, target_modules=list(LAYERS))
        inject_adapter_in_model(adapter, student)
        return student, Shortcuts(self._made, self._lessons, alone=alone)

    def weights(self, student: Any) -> dict[str, Any]:
        return {name: value for name, value in student.named_parameters() if "lora_" in name}

    def write(self, student: Any, folder: Path) -> None:
        """The whole with the LoRA in it, and the LoRA beside it for others."""
        from diffusers import UNet2DConditionModel
        from peft import get_peft_model_state_dict
        from peft.tuners.lora import LoraLayer
        from safetensors.torch import save_file

        lora = get_peft_model_state_dict(student)
        named = {f"unet.{name}": value.contiguous() for name, value in lora.items()}
        save_file(named, folder.parent / LORA)
        for layer in student.modules():
            if isinstance(layer, LoraLayer):
                layer.merge()
        state = {
            name.replace(".base_layer", ""): value
            for name, value in student.state_dict().items()
            if "lora_" not in name
        }
        whole = UNet2DConditionModel.from_config(dict(student.config))
        whole.load_state_dict(state)
        whole.half().save_pretrained(folder, safe_serialization=True)


class Shortcuts:
    """*alone*: it learns to take noise off the same pictures, as denoisers usually do, without the ways."""

    def __init__(self, made: Making, lessons: Pictures, *, alone: bool) -> None:
        self._made, self._lessons, self._alone = made, lessons, alone
        self._chance = torch.Generator("cpu").manual_seed(made.values["seed"])
        self._optimizer: Any = None

    def begin(self, student: Any) -> None:
        trained = []
        for name, value in student.named_parameters():
            value.requires_grad_("lora_" in name)
            if "lora_" in name:
                trained.append(value)
        self._optimizer = torch.optim.AdamW(trained, lr=RATE)

    def learn(self, student: Any) -> float:
        """One step; returns its loss."""
        self._made.context.check_cancelled()
        ways = [self._lessons.learnt[n] for n in self._some(len(self._lessons.learnt))]
        ends = torch.stack([way.points[-1] for way in ways])
        at = self._some(STEPS)
        times = torch.stack([way.times[n] for way, n in zip(ways, at, strict=True)])
        if self._alone:
            noise = torch.randn(ends.shape, generator=self._chance)
            given = self._lessons.scheduler.add_noise(ends, noise, times)
        else:
            given = torch.stack([way.points[n] for way, n in zip(ways, at, strict=True)])
        words = torch.stack([way.wanted for way in ways])
        loss = torch.nn.functional.huber_loss(self._end(student, given, times, words), ends)
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        return float(loss.detach())

    @torch.no_grad()
    def error(self, student: Any) -> float:
        """In few steps, from noise that nobody learnt: how far it ends from the teacher's picture."""
        losses = []
        for way in self._lessons.held:
            self._made.context.check_cancelled()
            end = self._walk(student, way)
            losses.append(float((end - way.points[-1]).square().mean() / way.points[-1].var()))
        return sum(losses) / len(losses)

    def _walk(self, student: Any, way: Way) -> torch.Tensor:
        point, end = way.points[0], way.points[0]
        stops = [way.times[n] for n in range(0, STEPS, STEPS // FEW)]
        for n, time in enumerate(stops):
            end = self._end(student, point[None], time[None], way.wanted[None])[0]
            if n + 1 < len(stops):
                here, there = self._level(time), self._level(stops[n + 1])
                noise = (point - here.sqrt() * end) / (1 - here).sqrt()
                point = there.sqrt() * end + (1 - there).sqrt() * noise
        return end

    def _end(
        self, student: Any, given: torch.Tensor, times: torch.Tensor, words: torch.Tensor
    ) -> torch.Tensor:
        """Where it believes that the way ends."""
        said = student(given, times, encoder_hidden_states=words).sample
        level = self._level(times).reshape(-1, 1, 1, 1)
        kind = self._lessons.scheduler.config.prediction_type
        if kind == "sample":
            return said
        if kind == "v_prediction":
            return level.sqrt() * given - (1 - level).sqrt() * said
        return (given - (1 - level).sqrt() * said) / level.sqrt()

    def _level(self, times: torch.Tensor) -> torch.Tensor:
        return self._lessons.scheduler.alphas_cumprod[times]

    def _some(self, below: int) -> list[int]:
        return torch.randint(below, (8,), generator=self._chance).tolist()
