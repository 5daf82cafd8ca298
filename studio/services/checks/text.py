"""Whether a text was really written: it ends, does not go round in circles, is in the language asked for."""

from __future__ import annotations

from collections import Counter
from itertools import islice

from studio.domain.scripts import HAN, script

N_GRAM = 4
MOST_REPEATS = 4
LEAST_HAN = 0.5  # of the letters of a Chinese answer


def problems(text: str, finish: str | None, *, chinese: bool = False) -> tuple[str, ...]:
    """Text keys of what is wrong with *text*, none if it is real.

    *finish*: why it ended, "stop" or "limit". *chinese*: whether that was asked for.
    """
    found: list[str] = []
    if not any(map(str.isalnum, text)):
        found.append("check.text.empty")
    if finish not in ("stop", "limit"):
        found.append("check.text.unfinished")
    if most_repeated(text) > MOST_REPEATS:
        found.append("check.text.repeats")
    if chinese and han_share(text) < LEAST_HAN:
        found.append("check.text.not_chinese")
    return tuple(found)


def most_repeated(text: str, n: int = N_GRAM) -> int:
    """How often the commonest run of *n* words occurs; a Chinese or Japanese character is a word."""
    words = _words(text)
    runs = Counter(zip(*(islice(words, start, None) for start in range(n)), strict=False))
    return max(runs.values(), default=0)


def han_share(text: str) -> float:
    """The share of Chinese characters among the letters of *text*, 0..1."""
    scripts = [found for found in map(script, text) if found]
    return scripts.count(HAN) / len(scripts) if scripts else 0.0


def _words(text: str) -> list[str]:
    spaced = "".join(
        f" {character} " if script(character) == HAN else character if character.isalnum() else " "
        for character in text.lower()
    )
    return spaced.split()
