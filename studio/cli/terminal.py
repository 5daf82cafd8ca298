"""What is written where: results to stdout, everything about them to stderr, and only the truth as JSON."""

from __future__ import annotations

import json
import os
import sys
from typing import Any, TextIO, cast

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from studio.domain.failure import Failure
from studio.domain.text import t

DONE, FAILED, MISUSED, CANCELLED = 0, 1, 2, 130


def program() -> str:
    """How the user calls the studio: what is said to be typed can be typed. The installer tells it."""
    return os.environ.get("STUDIO_PROGRAM") or "studio"


def prepare() -> None:
    """Let both streams carry every character, whatever the system's code page."""
    for stream in (sys.stdout, sys.stderr):
        if not stream.isatty() and os.name == "nt":
            cast("Any", stream).reconfigure(encoding="utf-8")
        cast("Any", stream).reconfigure(errors="replace")


def out() -> Console:
    """For results and tables. Nothing in them is markup: names and prompts come from outside."""
    return _console(sys.stdout)


def err() -> Console:
    """For progress, errors and hints."""
    return _console(sys.stderr)


def _console(stream: TextIO) -> Console:
    # In a pipe a table must not be folded at 80 columns.
    width = None if stream.isatty() else 200
    return Console(file=stream, markup=False, highlight=False, emoji=False, width=width)


def table(*titles: str) -> Table:
    """An empty table in the one style. Columns whose title begins with ">" hold numbers."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for title in titles:
        right = title.startswith(">")
        made.add_column(Text(title.removeprefix(">")), justify="right" if right else "left", overflow="fold")
    return made


def print_json(value: Any) -> None:
    """One object to stdout."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")
    sys.stdout.flush()


class Refusal(Exception):
    """A failure whose message and hint the command itself words. Exit code 1."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint


def show(words: str) -> None:
    """Words that were asked for, on stdout."""
    sys.stdout.write(f"{words}\n")


def say(words: str) -> None:
    """A line about the result, on stderr."""
    err().print(Text(words, style="dim"), soft_wrap=True)


def warn(words: str) -> None:
    """A line that does not stop anything."""
    err().print(Text(words, style="yellow"), soft_wrap=True)


def give_up_stdout() -> None:
    """Nobody reads it any more: what is still to be written must not fail again at the end."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


def help_text(
    command: str, usage: str, words: str, sections: list[tuple[str, list[tuple[str, str]]]]
) -> None:
    """How to call it, what it does, and two columns for each section; to stdout."""
    lines = [f"{t('cli.help.usage')}{command} {usage}".rstrip()]
    if words:
        lines += ["", words]
    for title, rows in sections:
        if not rows:
            continue
        lines += ["", title] if title else [""]
        width = min(max(cell_len(name) for name, _ in rows), 32) + 2
        for name, meaning in rows:
            if cell_len(name) + 2 > width:  # a long one has a line of its own
                lines += [f"  {name}", f"  {' ' * width}{meaning}".rstrip()]
            else:
                lines.append(f"  {name}{' ' * (width - cell_len(name))}{meaning}".rstrip())
    return "\n".join(lines)


def show_failure(failure: Failure, *, as_json: bool) -> int:
    """Tell it, and return the exit code: a value that cannot be is wrong use, everything else a failure."""
    show_error(failure.code, failure.message, hint_of(failure), as_json=as_json)
    return MISUSED if failure.code == "param.invalid" else FAILED


def hint_of(failure: Failure) -> str:
    """What to do; in words of its own where the window's advice names panels."""
    key = f"cli.hint.{failure.code}"
    return failure.hint if t(key) == key else t(key, studio=program())


def show_error(code: str, message: str, hint: str, *, as_json: bool) -> None:
    """`error: CODE: message` and a hint, or the JSON object."""
    if as_json:
        print_json({"error": {"code": code, "message": message, "hint": hint}})
        return
    console = err()
    console.print(Text.assemble(("error", "bold red"), f": {code}: {message}"), soft_wrap=True)
    if hint:
        console.print(Text(hint, style="dim"), soft_wrap=True)
