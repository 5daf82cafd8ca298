"""How many tokens a text has, estimated before anything can count them."""

from __future__ import annotations

from collections.abc import Iterable

LATIN = 4.0  # characters of one token, about the same for all tokenizers of today's models
EASTERN = 1.5  # the same for Chinese, Japanese and Korean
TURN = 5  # tokens by which a chat template marks one turn
FRAME = 12  # and the whole: its beginning, a system turn of its own, the answer's beginning

# From the first radicals to the last ideographs and syllables, full-width forms included.
_EASTERN = ((0x2E80, 0xD7FF), (0xF900, 0xFAFF), (0xFF00, 0xFFEF), (0x20000, 0x3FFFF))


def tokens(text: str) -> int:
    """About how many tokens *text* is, 0 for none. For code and for rare languages it may be a third off."""
    dense = eastern(text)
    return round(dense / EASTERN + (len(text) - dense) / LATIN) or min(1, len(text))


def eastern(text: str) -> int:
    """How many characters of *text* are Chinese, Japanese or Korean: words or syllables, not letters."""
    return sum(any(low <= ord(character) <= high for low, high in _EASTERN) for character in text)


def conversation(turns: Iterable[str]) -> int:
    """Of several turns in a chat template."""
    return FRAME + sum(tokens(turn) + TURN for turn in turns)
