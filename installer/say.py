"""What the installer says: one line a step, in the language of the computer."""

from __future__ import annotations

import ctypes
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

LANGUAGES = ("en", "zh")
TEXTS = Path(__file__).with_name("texts.json")


class Problem(Exception):
    """A step cannot be done. *code* names two texts: what went wrong, and what to do about it."""

    def __init__(self, code: str, **values: object) -> None:
        super().__init__(code)
        self.code = code
        self.values = values

    def lines(self) -> tuple[str, str]:
        """What went wrong, and what to do."""
        return t(f"problem.{self.code}", **self.values), t(f"problem.{self.code}.do", **self.values)


@cache
def language() -> str:
    """`zh` when the computer speaks Chinese, else `en`."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        value = os.environ.get(name, "")
        if value and not value.startswith(("C.", "C/", "POSIX")) and value != "C":
            return "zh" if value.lower().startswith("zh") else "en"
    if sys.platform == "win32":
        chinese = 0x04
        primary = ctypes.windll.kernel32.GetUserDefaultUILanguage() & 0x3FF
        return "zh" if primary == chinese else "en"
    if sys.platform == "darwin":
        answer = subprocess.run(
            ["defaults", "read", "-g", "AppleLocale"], capture_output=True, text=True, check=False
        )
        return "zh" if answer.stdout.startswith("zh") else "en"
    return "en"


@cache
def _texts() -> dict[str, dict[str, str]]:
    return json.loads(TEXTS.read_text(encoding="utf-8"))


def t(key: str, **values: object) -> str:
    """The words for *key* with `{name}` placeholders filled. Raises KeyError for a key without words."""
    return words(key, language(), **values)


def words(key: str, language: str, **values: object) -> str:
    """As `t`, in one of `LANGUAGES`."""
    return _texts()[key][language].format(**values)


def step(key: str, **values: object) -> None:
    """Say what is being done now."""
    plain(f"• {t(key, **values)}")


def note(key: str, **values: object) -> None:
    """Say something that the user may want to act on and that stops nothing."""
    plain(f"  {t(key, **values)}")


def guard(work: Callable[[list[str]], int], arguments: list[str]) -> int:
    """The exit code of *work*; 1 for a Problem, which is said, and 130 when the user broke off."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A console that cannot show a character shows a question mark instead of ending the program.
            stream.reconfigure(errors="replace")
    try:
        return work(arguments)
    except Problem as trouble:
        what, remedy = trouble.lines()
        plain(f"✗ {what}\n  → {remedy}")
        return 1
    except KeyboardInterrupt:
        plain(t("interrupted"))
        return 130


def plain(text: str, end: str = "\n") -> None:
    """A line that is not a step: a list, a table. To stderr: stdout is for the program that is started."""
    print(text, end=end, file=sys.stderr, flush=True)


def human(size: float) -> str:
    """Bytes as people read them."""
    for unit, one in (("GB", 1e9), ("MB", 1e6)):
        if size >= one / 20:
            return f"{size / one:.1f} {unit}"
    return f"{size / 1e3:.0f} kB"


class Progress:
    """One line that is written over, on a terminal; nothing elsewhere."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._open = False

    def show(self, text: str) -> None:
        if self._shown:
            width = max(20, _columns() - 1)
            sys.stderr.write(f"\r\033[K  {text[: width - 2]}")
            sys.stderr.flush()
            self._open = True

    def close(self) -> None:
        if self._open:
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()
            self._open = False


def ask(key: str, **values: object) -> bool:
    """A question whose answer is no unless the user types yes. No keyboard means no."""
    plain(f"? {t(key, **values)} [y/N] ", end="")
    try:
        answer = input().strip().lower()
    except EOFError:
        plain("")
        return False
    return answer in {"y", "yes", "是", "好"}


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns
    except OSError:
        return 80
