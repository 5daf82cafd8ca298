"""What all families that speak have in common: choices, pieces of a long text, the languages of a voice."""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct

from studio.domain.failure import StudioError
from studio.domain.parameter import Choice, Number, Parameter, Seed, Text
from studio.domain.scripts import foreign_language, scripts_of
from studio.domain.text import t

# --- choices --------------------------------------------------------------------------------------


FORMAT = Choice(name="format", default="wav", choices=("wav", "flac"))


def parameters(voice: Parameter) -> tuple[Parameter, ...]:
    """The choices of a family that speaks; *voice* is its own."""
    return (
        Text(name="prompt", required=True, multiline=True, hidden=True),
        voice,
        Number(name="speed", default=1.0, minimum=0.5, maximum=2.0, step=0.05),
        FORMAT,
        Seed(advanced=True),
    )


# --- pieces ---------------------------------------------------------------------------------------

CLAUSE, SENTENCE, LINE, PARAGRAPH = 0.15, 0.35, 0.5, 0.75  # seconds of pause at the voice's own pace
LONGEST = 300  # characters in one piece; voices lose their way in longer ones

CLOSERS = "\"'”’»）)】」』］\\]"
# After Chinese and Japanese marks a sentence ends at once, after others only before a space.
# Compiled (and kept, by `re`) when something is spoken: every start reads this module.
SENTENCE_END = rf"[。！？｡…]+[{CLOSERS}]*\s*|[.!?؟।]+[{CLOSERS}]*\s+"
CLAUSE_END = r"[，、；：]\s*|[,;:—–]+\s+|\s[-–—]\s"
TITLES = ("mr", "mrs", "ms", "dr", "prof", "st", "jr", "sr", "gen", "col", "sgt", "capt", "lt", "rev", "hon")
ABBREVIATIONS = frozenset((*TITLES, "vs", "etc", "inc", "ltd", "co", "corp", "dept"))
BEFORE_NUMBERS = frozenset(("no", "nos", "fig", "vol", "approx", "est", "ca", "p", "pp", "ch", "sec"))


class Piece(Struct, frozen=True):
    """Words to speak at once, and the seconds of silence that follow them."""

    text: str
    pause: float


def split(text: str, longest: int = LONGEST) -> list[Piece]:
    """*text* of any length as sentences, long ones cut at clauses, then at words. Nothing said is lost."""
    pieces: list[Piece] = []
    for paragraph in re.split(r"\n\s*\n", text.replace("\r\n", "\n").replace("\r", "\n")):
        lines = _lines(paragraph)
        for n, line in enumerate(lines, 1):
            sentences = _sentences(line)
            for m, sentence in enumerate(sentences, 1):
                after = SENTENCE if m < len(sentences) else LINE if n < len(lines) else PARAGRAPH
                parts = _cut(sentence, longest)
                pieces += [Piece(part, CLAUSE) for part in parts[:-1]]
                pieces += [Piece(part, after) for part in parts[-1:]]
    return pieces


def pieces_of(text: str) -> list[Piece]:
    """The pieces of *text*. Raises StudioError `param.invalid` if there is nothing to say in it."""
    pieces = split(text)
    if not pieces:
        raise StudioError("param.invalid", name="parameter.prompt", reason="parameter.prompt.nothing_to_say")
    return pieces


def _lines(paragraph: str) -> list[str]:
    """Its lines; one that goes on with a small letter was only wrapped."""
    lines: list[str] = []
    for line in filter(None, map(str.strip, paragraph.split("\n"))):
        if lines and line[0].islower():
            lines[-1] += " " + line
        else:
            lines.append(line)
    return lines


def _sentences(line: str) -> list[str]:
    found: list[str] = []
    start = 0
    for end in re.finditer(SENTENCE_END, line):
        if _ends(line, end):
            found.append(line[start : end.end()].strip())
            start = end.end()
    found.append(line[start:].strip())
    return [sentence for sentence in found if any(map(str.isalnum, sentence))]


def _ends(line: str, end: re.Match[str]) -> bool:
    """Whether a full stop is one: not before a small letter, not after "Dr." or an initial."""
    following = line[end.end() : end.end() + 1]
    if following.islower():
        return False
    if not end[0].startswith("."):
        return True
    word = re.split(r"[\s(\"'“‘]", line[max(0, end.start() - 20) : end.start()])[-1]
    if word.lower() in BEFORE_NUMBERS:
        return not following.isdigit()
    return word.lower() not in ABBREVIATIONS and not (len(word) == 1 and word.isupper())


def _cut(sentence: str, longest: int) -> list[str]:
    parts: list[str] = []
    while len(sentence) > longest:
        clauses = [end.end() for end in re.compile(CLAUSE_END).finditer(sentence, longest // 3, longest)]
        at = clauses[-1] if clauses else sentence.rfind(" ", longest // 3, longest) + 1 or longest
        parts.append(sentence[:at].strip())
        sentence = sentence[at:].strip()
    return [part for part in [*parts, sentence] if any(map(str.isalnum, part))]


# --- languages --------------------------------------------------------------------------------------


def check_language(text: str, languages: Iterable[str], *, name: str, voices: Iterable[str] = ()) -> None:
    """Refuse a text that a voice would have to spell out or leave out.

    *languages* as "en", "zh-CN" or "jpn"; none means that nobody knows, and nothing is refused. A
    single foreign symbol (π) passes, and so do Latin names and words within another script.
    *name* is the model's, *voices* titles of ones that could. Raises StudioError `model.language`.
    """
    able = scripts_of(languages)
    if not able or not (language := foreign_language(text, able)):
        return
    key = f"language.{language}"
    raise StudioError(
        "model.language",
        name=name,
        language=language.capitalize() if t(key) == key else key,
        voices=", ".join(voices) or "language.no_voice",
    )
