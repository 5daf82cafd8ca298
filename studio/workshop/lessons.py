"""What a student learns from a teacher: the likelihood of each next word, or the way from noise to a picture.

A course is made once, of bundled texts and prompts and the user's own; the first are kept for tests.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from studio.domain.anatomy import DIFFUSERS, Anatomy
from studio.workshop import perplexity
from studio.workshop.making import Making

WINDOW, BATCH = 128, 4  # tokens of a piece of text, pieces of a step
RATE = 2e-4
LONGEST = 2_000_000  # letters of the user's own text


def course(made: Making, model: Anatomy, teacher: Any) -> Any:
    """For this kind of model. Raises StudioError `workshop.impossible`."""
    if model.layout == DIFFUSERS:
        from studio.workshop.pictures import Pictures

        return Pictures(made, model, teacher)
    return Words(made, teacher)


def own_texts(made: Making) -> list[str]:
    """What the user's `.txt` files say. Raises StudioError `workshop.impossible` where there are none."""
    if not made.values["data"]:
        return []
    folder = Path(made.values["data"]).expanduser()
    files = sorted(folder.rglob("*.txt")) if folder.is_dir() else []
    if not files:
        raise made.impossible("workshop.reason.data")
    return [file.read_text("utf-8", errors="replace")[:LONGEST] for file in files]


class Words:
    """For language models. Without a *teacher* the texts themselves are learnt."""

    def __init__(self, made: Making, teacher: Any | None) -> None:
        from transformers import AutoTokenizer

        safe = {"local_files_only": True, "trust_remote_code": False}
        tokenizer = AutoTokenizer.from_pretrained(str(made.path), **safe)
        texts = perplexity.texts()
        self._made = made
        self._teacher = teacher
        self._held = _pieces(tokenizer, [each[0] for each in texts.values()])
        self._lessons = _pieces(tokenizer, [t for each in texts.values() for t in each[1:]] + own_texts(made))
        self._order = torch.Generator("cpu").manual_seed(made.values["seed"])
        self._taught: dict[int, torch.Tensor] = {}
        self._optimizer: Any = None

    def begin(self, student: Any) -> None:
        trained = [p.requires_grad_() for p in student.parameters()]
        self._optimizer = torch.optim.AdamW(trained, lr=RATE)

    def learn(self, student: Any) -> float:
        """One step; returns its loss."""
        student.train()
        chosen = torch.randint(len(self._lessons), (BATCH,), generator=self._order).tolist()
        loss = torch.stack([self._loss(student, n) for n in chosen]).mean()
        self._optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        self._optimizer.step()
        student.eval()
        return float(loss.detach())

    @torch.no_grad()
    def error(self, student: Any) -> float:
        """On the texts that nobody learnt: how surprised it is by each token, in nats."""
        losses = []
        for piece in self._held:
            self._made.context.check_cancelled()
            logits = student(input_ids=piece[None]).logits[0, :-1].float()
            losses.append(float(torch.nn.functional.cross_entropy(logits, piece[1:])))
        return sum(losses) / len(losses)

    def _loss(self, student: Any, number: int) -> torch.Tensor:
        piece = self._lessons[number]
        self._made.context.check_cancelled()
        logits = student(input_ids=piece[None]).logits[0, :-1].float()
        own = torch.nn.functional.cross_entropy(logits, piece[1:])
        if self._teacher is None:
            return own
        if number not in self._taught:
            with torch.no_grad():
                told = self._teacher(input_ids=piece[None]).logits[0, :-1].float()
                self._taught[number] = torch.log_softmax(told, dim=-1).half()
        told = self._taught[number].float()
        spoken = torch.log_softmax(logits, dim=-1)
        return torch.nn.functional.kl_div(spoken, told, log_target=True, reduction="batchmean")


def _pieces(tokenizer: Any, texts: list[str]) -> list[torch.Tensor]:
    found: list[torch.Tensor] = []
    for text in texts:
        ids = tokenizer(text, return_tensors="pt", verbose=False)["input_ids"][0]
        found += [piece for piece in ids.split(WINDOW) if len(piece) > 1]
    return found
