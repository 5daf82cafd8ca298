"""The grid, and points drawn from it by seed."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from typing import Any

from tests.bench.plan.shapes import TEXT

SEED = 20261127


@dataclass(frozen=True)
class Point:
    """One request to a model of `shapes`. `way`: which of the family's precisions, by number."""

    model: str
    values: dict[str, Any]
    way: int = 0

    @property
    def key(self) -> str:
        words = " ".join(f"{name}={value}" for name, value in self.values.items() if name != "prompt")
        return f"{self.model} {words} length={len(self.values['prompt'])} way={self.way}"


def _grid() -> dict[str, list[Point]]:
    """All points by model. The product of what is listed for each."""
    found: dict[str, list[Point]] = {}

    def add(model: str, ways: tuple[int, ...], **choices: tuple[Any, ...]) -> None:
        names = list(choices)
        for way in ways:
            for picked in itertools.product(*choices.values()):
                found.setdefault(model, []).append(Point(model, dict(zip(names, picked, strict=True)), way))

    prompts = ("a red apple", TEXT)
    add(
        "icons", (0, 1), prompt=prompts[:1], size=((64, 64), (128, 96), (192, 192)), steps=(4, 12, 25),
        guidance=(1.0, 7.0), count=(1, 3),
    )  # fmt: skip
    add(
        "sd15", (0, 1), prompt=prompts[:1], size=((256, 256), (320, 448), (512, 512)), steps=(1, 2),
        guidance=(1.0, 7.0), count=(1,),
    )  # fmt: skip
    add(
        "xl-half", (0, 1), prompt=prompts[:1], size=((256, 256), (512, 384), (512, 512)), steps=(1, 2),
        guidance=(1.0, 5.0), negative=("", "blue"), count=(1,),
    )  # fmt: skip
    add(
        "flux-reduced", (0, 1), prompt=prompts[:1], size=((256, 256), (384, 512), (512, 512)), steps=(1, 2),
        count=(1,),
    )  # fmt: skip
    add("musicgen-small", (0,), prompt=prompts, seconds=(1, 3, 5), guidance=(1.0, 3.0))
    for model in ("llama-160m", "qwen2-400m", "gpt2-350m"):
        add(model, (0,), prompt=(TEXT, TEXT * 8, TEXT * 20), max_tokens=(16, 64), temperature=(0.0, 0.8))
    for model in ("gguf-q4", "gguf-q8"):
        add(
            model, (0,), prompt=(TEXT, TEXT * 8, TEXT * 20), max_tokens=(32, 128, 256),
            context_length=(2048, 8192),
        )  # fmt: skip
    return found


def draw(count: int, *, seed: int = SEED, only: str | None = None) -> list[Point]:
    """*count* different points, the models in turns, always the same for one *seed*."""
    chance = random.Random(seed)
    decks = {
        model: chance.sample(points, len(points))
        for model, points in _grid().items()
        if only in (None, model)
    }
    drawn: list[Point] = []
    while len(drawn) < count and any(decks.values()):
        for deck in decks.values():
            if deck and len(drawn) < count:
                drawn.append(deck.pop())
    return drawn
