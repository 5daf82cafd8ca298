"""What the voice takes here, measured with the one that is inside the package.

| key | seconds |
|---|---|
| `hibari.load` | the voice and the words that it knows, files in the page cache |
| `hibari.first` | the first sentence of all, beside its characters |
| `hibari.character` | a character of the text |
| `hibari.sentence` | a sentence, beside its characters |
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from hibari import Hibari

if TYPE_CHECKING:
    from studio.engine.bench.bench import Bench

SECONDS = 3.0
SHORT = "The kettle is on."
LONG = (
    "The kettle is on, the bread is still warm, and somewhere behind the garden a small dog tells the "
    "whole street that it would rather be inside with us than out in the rain this morning."
)


def measure(bench: Bench) -> dict[str, float]:
    """The figures above."""
    began = time.perf_counter()
    voice = Hibari(threads=bench.threads)
    voice.phonemize(SHORT)
    load = time.perf_counter() - began
    began = time.perf_counter()
    _speak(voice, SHORT)()
    first = time.perf_counter() - began
    short, long = (bench.seconds(_speak(voice, text)) for text in (SHORT, LONG))
    character = max(0.0, long - short) / (len(LONG) - len(SHORT))
    return {
        "hibari.load": load,
        "hibari.first": max(0.0, first - short),
        "hibari.character": character,
        "hibari.sentence": max(0.0, short - len(SHORT) * character),
    }


def _speak(voice: Hibari, text: str) -> Callable[[], object]:
    def speak() -> None:
        noise = np.random.default_rng(1)
        for phonemes in voice.phonemize(text):
            voice.from_ids(voice.ids(phonemes), 1.0, noise)

    return speak
