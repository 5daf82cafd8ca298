"""Cuts Markdown that is still being written into pieces that will not change any more.

Only new text is looked at, line by line, so that the ten-thousandth token costs what the first did.

pieces = Pieces()
changed = pieces.feed("Hello **wor")    the index of the first piece that is not as it was
pieces.done, pieces.tail                the pieces; plain text that belongs to none yet
"""

from __future__ import annotations

import re

from msgspec import Struct

ENOUGH = 1_500  # cost of a text piece: drawn anew with every block that joins it
LONGEST = 4_000  # characters without any end of a block
TABLE = 6_000  # cost of a table; a longer one is cut, and its head repeated
PLACE = 20  # characters that take as long to lay out as a line or a cell without any

_FENCE = re.compile(r"^([ \t]*)(`{3,}|~{3,})[ \t]*([^`\s]*)[^`]*$")
_TABLE_HEAD = re.compile(r"^.*\|.*\n(?=.*\|)[ \t|:-]*-[ \t|:-]*\n", re.MULTILINE)
_LIST_ITEM = re.compile(r"^(?:[-*+]|\d{1,9}[.)])[ \t]")
_BREAKS = ("。", "！", "？", ". ", "! ", "? ", "；", "; ", "，", " ")


class Piece(Struct):
    """Text in Markdown, or the lines of a code block, `language` as its fence names it."""

    source: str
    code: bool = False
    language: str = ""


class Pieces:
    """`done`: text pieces may still grow by whole blocks, a code piece by lines while its fence is open."""

    def __init__(self) -> None:
        self.done: list[Piece] = []
        self._text = ""  # whole lines of a block that is not finished
        self._line = ""  # the last line, as far as it is there
        self._blank = False  # the last whole line was empty
        self._head = ""  # of a table that was cut, for its next part
        self._fence = ""
        self._indent = 0

    @property
    def tail(self) -> str:
        """What is to be shown plain behind the pieces."""
        return "" if self._fence else self._text + self._line

    def feed(self, text: str) -> int:
        """Take *text* in. Returns the index of the first changed or new piece, `len(done)` if none is."""
        first = len(self.done)
        *lines, rest = (self._line + text).split("\n")
        for line in lines:
            first = min(first, self._take(line))
        if not self._fence:
            *parts, rest = _parts(rest)
            for part in parts:
                first = min(first, self._take(part), self._settle())
        self._line = rest
        return first

    def finish(self) -> int:
        """There is no more text. Returns as `feed`."""
        line, self._line = self._line, ""
        first = self._take(line) if line else len(self.done)
        return min(first, self._settle())

    def _take(self, line: str) -> int:
        """Take in one whole line, without its end."""
        if self._fence:
            return self._take_code(line)
        if fence := _FENCE.match(line):
            first = self._settle()
            self._head = ""
            self._indent, self._fence = len(fence[1]), fence[2]
            self.done.append(Piece("", code=True, language=fence[3]))
            return first
        first = len(self.done)
        if line.strip() and not line[0].isspace() and self._may_end_before(line):
            first = self._settle()
        head, self._head = self._head, ""
        if head and "|" in line and not line.startswith("#"):
            self._text = head
        *parts, line = _parts(line)
        for part in parts:
            self._text += part + "\n"
            first = min(first, self._settle())
        self._blank = not line.strip()
        self._text += line + "\n"
        cost = _cost(self._text)
        table = _TABLE_HEAD.search(self._text) if cost > LONGEST else None
        if cost > TABLE if table else len(self._text) > LONGEST:
            self._head = table[0] if table and not self._blank else ""
            first = min(first, self._settle())
        return first

    def _take_code(self, line: str) -> int:
        stripped = line.strip()
        if len(stripped) >= len(self._fence) and set(stripped) == {self._fence[0]}:
            self._fence = ""
            return len(self.done) - 1
        head, body = line[: self._indent], line[self._indent :]
        self.done[-1].source += head.lstrip(" \t") + body + "\n"
        return len(self.done) - 1

    def _may_end_before(self, line: str) -> bool:
        """Whether *line*, which starts at the margin, begins a block that can be drawn by itself."""
        long = _cost(self._text) > ENOUGH and bool(_LIST_ITEM.match(line))
        return self._blank or long or line.startswith("#")

    def _settle(self) -> int:
        """The block so far is finished. Returns the index of the piece that it joins or makes."""
        text, self._text, self._blank = self._text, "", False
        if not text.strip():
            return len(self.done)
        last = self.done[-1] if self.done else None
        if last is not None and not last.code and _cost(last.source) + _cost(text) <= ENOUGH:
            last.source += text
        else:
            self.done.append(Piece(text))
        return len(self.done) - 1


def _cost(text: str) -> int:
    """How long *text* takes to draw, in characters."""
    return len(text) + PLACE * (text.count("\n") + text.count("|"))


def _parts(line: str) -> list[str]:
    """A line without an end, cut where it hurts least; what is left of it comes last."""
    parts: list[str] = []
    while len(line) > LONGEST:
        ends = (at + len(mark) for mark in _BREAKS if (at := line.rfind(mark, LONGEST // 2, LONGEST)) >= 0)
        at = next(ends, LONGEST)
        parts.append(line[:at])
        line = line[at:]
    return [*parts, line]
