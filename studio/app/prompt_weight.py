"""`(word:1.1)`: how a prompt says that a part counts more or less."""

from __future__ import annotations

import re

_WEIGHTED = re.compile(r"\(([^()]*):(\d+(?:\.\d+)?)\)")
_BREAKS = " ,.，。\n()"


def adjust(text: str, start: int, end: int, step: float) -> tuple[str, int, int]:
    """Change the weight of what is selected in *text*, or of the word at the cursor, by *step*.

    Returns the new text and selection. A weight of 1 has no brackets; weights stay in 0..2.
    """
    for match in _WEIGHTED.finditer(text):
        if match.start() <= start and end <= match.end():
            return _replace(text, match.start(), match.end(), match[1], float(match[2]) + step)
    if start == end:
        while start > 0 and text[start - 1] not in _BREAKS:
            start -= 1
        while end < len(text) and text[end] not in _BREAKS:
            end += 1
    if not text[start:end].strip():
        return text, start, end
    return _replace(text, start, end, text[start:end], 1.0 + step)


def _replace(text: str, start: int, end: int, words: str, weight: float) -> tuple[str, int, int]:
    weight = round(min(max(weight, 0.0), 2.0), 2)
    inner = words if weight == 1.0 else f"({words}:{weight:g})"
    first = start if weight == 1.0 else start + 1
    return text[:start] + inner + text[end:], first, first + len(words)
