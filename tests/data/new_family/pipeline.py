"""Throws the dice, draws them as bars, and writes them down."""

from __future__ import annotations

import random
from typing import Any

from PIL import Image, ImageDraw

HEIGHT, BAR = 128, 16  # pixels


class Pipeline:
    def __init__(self, context: Any, model: Any) -> None:
        assert model is None

    def close(self) -> None:
        pass

    def run(self, context: Any, request: Any) -> None:
        number, sides = request.values["dice"]
        dice = random.Random(request.values["seed"])
        context.phase("draw")
        thrown = [dice.randint(1, sides) for _ in range(number)]
        picture = Image.new("RGB", (BAR * number, HEIGHT), "white")
        for n, pips in enumerate(thrown):
            top = HEIGHT - HEIGHT * pips // sides // 2
            ImageDraw.Draw(picture).rectangle((BAR * n, top, BAR * n + BAR - 2, HEIGHT), fill="black")
            context.progress((n + 1) / number)
        context.phase("save")
        context.save_image(picture, index=0)
        context.save_text(" ".join(map(str, thrown)), index=1)
