"""What a denoiser learns from a whole one: its ways from noise to pictures, walked once and remembered."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any, NamedTuple

import torch

from studio.domain.anatomy import Anatomy
from studio.workshop.lessons import RATE, own_texts
from studio.workshop.making import Making
from studio.workshop.parts import load

PROMPTS = Path(__file__).resolve().parents[2] / "assets" / "workshop" / "prompts.json"
STEPS = 12  # of the teacher on each way
LESSONS, HELD = 16, 4  # prompts that are learnt, and that are kept for tests
BATCH = 8
GUIDANCE = 4.0


class Way(NamedTuple):
    """From noise to a picture: `points` (steps + 1, channels, height, width), `times` (steps). `wanted` and
    `unwanted` are the prompt and none as the denoiser reads them; `told`: what the teacher said at each
    point for both, (steps, 2, channels, height, width).
    """

    points: torch.Tensor
    times: torch.Tensor
    wanted: torch.Tensor
    unwanted: torch.Tensor
    told: torch.Tensor


class Pictures:
    """Lessons for UNets that one text encoder guides: to say at each point what the teacher says there."""

    def __init__(self, made: Making, model: Anatomy, teacher: Any) -> None:
        if "text_encoder_2" in model.parts or "text_encoder" not in model.parts:
            raise made.impossible("workshop.reason.one_encoder")
        import diffusers

        self._made = made
        self._order = torch.Generator("cpu").manual_seed(made.values["seed"])
        self._optimizer: Any = None
        trial = made.values["trial"] or {"values": {}}
        self.guidance = float(trial["values"].get("guidance", GUIDANCE))
        self.scheduler = diffusers.DDIMScheduler.from_pretrained(
            str(model.path / "scheduler"), local_files_only=True
        )
        self._shape = _shape(model, teacher, trial["values"].get("size"))
        prompts = [line for text in own_texts(made) for line in text.splitlines() if line.strip()]
        bundled = json.loads(PROMPTS.read_text("utf-8"))
        mixed = [p for pair in zip(bundled["en"], bundled["zh"], strict=False) for p in pair]
        chosen = (prompts + mixed)[: LESSONS + HELD]
        embedded, nothing = self._read(model, chosen)
        made.context.phase("lessons")
        self.ways: list[Way] = []
        for n, each in enumerate(embedded):
            made.context.progress(n / len(embedded))
            self.ways.append(self._walk(teacher, each, nothing, n))
        self.held, self.learnt = self.ways[:HELD], self.ways[HELD:]

    def begin(self, student: Any) -> None:
        trained = [p.requires_grad_() for p in student.parameters()]
        self._optimizer = torch.optim.AdamW(trained, lr=RATE)

    def learn(self, student: Any) -> float:
        """One step; returns its loss."""
        self._made.context.check_cancelled()
        ways = self._some(len(self.learnt))
        at = self._some(STEPS)
        which = self._some(2)
        chosen = [(self.learnt[w], a, k) for w, a, k in zip(ways, at, which, strict=True)]
        loss = self._loss(student, chosen)
        self._optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        self._optimizer.step()
        return float(loss.detach())

    @torch.no_grad()
    def error(self, student: Any) -> float:
        """On ways that nobody learnt: the mean square of what it says otherwise, the teacher's being one."""
        losses = []
        for way in self.held:
            self._made.context.check_cancelled()
            losses.append(float(self._loss(student, [(way, at, 0) for at in range(STEPS)])))
        return sum(losses) / len(losses)

    def _loss(self, student: Any, chosen: list[tuple[Way, int, int]]) -> torch.Tensor:
        given = torch.stack([way.points[at] for way, at, _ in chosen])
        times = torch.stack([way.times[at] for way, at, _ in chosen])
        words = torch.stack([way.unwanted if which else way.wanted for way, _, which in chosen])
        told = torch.stack([way.told[at, which] for way, at, which in chosen])
        said = student(given, times, encoder_hidden_states=words).sample
        return (said - told).square().mean() / told.square().mean()

    def _some(self, below: int) -> list[int]:
        return torch.randint(below, (BATCH,), generator=self._order).tolist()

    @torch.no_grad()
    def _read(self, model: Anatomy, prompts: list[str]) -> tuple[list[torch.Tensor], torch.Tensor]:
        """Each prompt as the denoiser reads it, (tokens, width), and the empty one."""
        encoder = load(self._made, model.parts["text_encoder"], torch.float32)
        index = json.loads((model.path / "model_index.json").read_text("utf-8"))
        library, kind = index["tokenizer"]
        tokenizer = getattr(importlib.import_module(library), kind).from_pretrained(
            str(model.path / "tokenizer"), local_files_only=True
        )
        longest = min(tokenizer.model_max_length, encoder.config.max_position_embeddings)
        read = tokenizer(
            [*prompts, ""], padding="max_length", max_length=longest, truncation=True, return_tensors="pt"
        )
        *wanted, unwanted = encoder(read.input_ids)[0]
        return wanted, unwanted

    @torch.no_grad()
    def _walk(self, teacher: Any, wanted: torch.Tensor, unwanted: torch.Tensor, number: int) -> Way:
        generator = torch.Generator("cpu").manual_seed(1000 + number)
        point = torch.randn(self._shape, generator=generator) * self.scheduler.init_noise_sigma
        self.scheduler.set_timesteps(STEPS)
        points, told = [point], []
        words = torch.stack([wanted, unwanted])
        for time in self.scheduler.timesteps:
            self._made.context.check_cancelled()
            both = teacher(torch.stack([point, point]), time, encoder_hidden_states=words).sample
            guided = both[1] + self.guidance * (both[0] - both[1])
            point = self.scheduler.step(guided, time, point).prev_sample
            points.append(point)
            told.append(both)
        return Way(torch.stack(points), self.scheduler.timesteps.clone(), wanted, unwanted, torch.stack(told))


def _shape(model: Anatomy, teacher: Any, size: Any) -> tuple[int, int, int]:
    """Of the latents: what the denoiser was made for, or a usual picture's where that is smaller."""
    config = json.loads((model.parts["vae"].folder / "config.json").read_text("utf-8"))
    scale = 2 ** (len(config["block_out_channels"]) - 1)
    side = teacher.config.sample_size or 64
    width, height = size or (side * scale, side * scale)
    return teacher.config.in_channels, min(height // scale, side), min(width // scale, side)
